//! A token, planted anywhere in an answer: the browser never gets it.
//!
//! It is run through real sockets. What is claimed to be covered stands in `docs/security.md`; each of it is planted here.

use std::sync::{Arc, Mutex};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use proptest::{prelude::*, sample::select};

use crate::{
    client,
    front::{Front, REFRESH, TOKEN},
    stub::Stub,
};

/// A JWT that the session has not, of the same kind as its own.
const OTHER: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c29tZWJvZHktZWxzZXMtdG9rZW4tZW50aXJlbHk";
/// What nothing but its place gives away.
const OPAQUE: &str = "8f14e45fceea167a5a36dedd4bea2543";

/// Where a token is planted. `TOKEN` stands for it.
const BODIES: &[(&str, &str)] = &[
    ("application/json", r#"{"user":{"id":1},"list":["TOKEN"]}"#),
    ("application/problem+json", r#"{"detail":"no: TOKEN"}"#),
    ("text/html", "<p>hello</p><script>const a = 'TOKEN'</script>"),
    ("text/javascript", "export default \"TOKEN\""),
    ("application/xml", "<a token=\"TOKEN\"/>"),
    ("text/plain", "TOKEN"),
    ("application/x-www-form-urlencoded", "a=b&access_token=TOKEN&c=d"),
    ("text/event-stream", "data: one\n\ndata: TOKEN\n\n"),
    ("application/octet-stream", "\0\u{1}TOKEN\u{2}"),
    ("", "TOKEN\n"),
];
/// Where an opaque one is.
const PLACES: &[(&str, &str)] = &[
    ("application/json", r#"{"a":[{"access_token":null}],"access_token" : "TOKEN"}"#),
    ("application/json", r#"{"refresh_tok\u0065n":"TOKEN","b":1}"#),
    ("text/plain", r#" {"b":"access_token","access_token":"TOKEN"}"#),
    ("", r#"{"x":{"y":"\"access_token\":"},"refresh_token":"TOKEN"}"#),
];
const FIELDS: &[&str] = &["x-debug", "location", "link", "authorization", "x-auth-token", "etag", "set-cookie"];

#[derive(Clone, Debug)]
struct Answer {
    kind: &'static str,
    body: Vec<u8>,
    coding: &'static str,
    size: usize,
    has_length: bool,
    field: Option<(&'static str, String)>,
    trailer: Option<(&'static str, String)>,
}

fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => [b"\x1f\x8b\x08\0\0\0\0\0\0\x03", miniz_oxide::deflate::compress_to_vec(body, 6).as_slice(), &[0; 8]]
            .concat(),
        "br" => {
            let (mut out, parameters) = (Vec::new(), brotli::enc::BrotliEncoderParams::default());
            brotli::BrotliCompress(&mut &*body, &mut out, &parameters).unwrap();
            out
        }
        _ => body.to_vec(),
    }
}

/// As much as can be read of what a browser got.
fn decoded(coding: &str, body: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => miniz_oxide::inflate::decompress_to_vec(body.get(10..).unwrap_or_default())
            .unwrap_or_else(|broken| broken.output),
        "br" => {
            let mut plain = Vec::new();
            let _ = std::io::copy(&mut brotli::Decompressor::new(body, 1), &mut plain);
            plain
        }
        _ => body.to_vec(),
    }
}

impl Answer {
    fn plain(text: &str) -> Self {
        let body = text.as_bytes().to_vec();
        Self { kind: "text/plain", body, coding: "", size: 1000, has_length: true, field: None, trailer: None }
    }

    fn response(&self) -> Response {
        let body = coded(self.coding, &self.body);
        let mut response = Response::builder();
        let own = self.field.as_ref().map(|(name, value)| (*name, value.clone()));
        let length = (self.has_length && self.trailer.is_none()).then(|| ("content-length", body.len().to_string()));
        let fields = [("content-type", self.kind.to_owned()), ("content-encoding", self.coding.to_owned())];
        let trailer = self.trailer.as_ref().map(|(name, _)| ("trailer", (*name).to_owned()));
        for (name, value) in
            fields.into_iter().filter(|(_, value)| !value.is_empty()).chain(own).chain(length).chain(trailer)
        {
            response = response.header(name, value);
        }
        let trailers = self.trailer.as_ref().map(|(name, value)| {
            Frame::trailers([(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect())
        });
        let chunks: Vec<_> = body.chunks(self.size).map(Bytes::copy_from_slice).map(Frame::data).collect();
        let frames = stream::iter(chunks.into_iter().chain(trailers).map(Ok::<_, std::io::Error>));
        response.body(Body::new(StreamBody::new(frames))).unwrap()
    }

    /// What a browser gets of it: the text that it can read, and whether it got all.
    async fn seen(&self, front: &Front, plan: &Mutex<Self>) -> (String, bool) {
        plan.lock().unwrap().clone_from(self);
        let asked = client::request("GET", "/api/proxy/x").header("te", "trailers").header("connection", "te");
        let response = client::open(front.address, asked.body(Body::empty()).unwrap()).await;
        let (parts, mut body) = response.into_parts();
        let (mut data, mut whole, mut trailers) = (Vec::new(), parts.status == 200, String::new());
        while let Some(frame) = body.frame().await {
            match frame.map(Frame::into_data) {
                Ok(Ok(chunk)) => data.extend_from_slice(&chunk),
                Ok(Err(frame)) => trailers = format!("{frame:?}"),
                Err(_) => whole = false,
            }
        }
        let coding = parts.headers.get("content-encoding").map_or("", |coding| coding.to_str().unwrap());
        let text = String::from_utf8_lossy(&decoded(coding, &data)).into_owned();
        (format!("{:?}\n{trailers}\n{text}", parts.headers), whole)
    }
}

fn answers() -> impl Strategy<Value = (Answer, &'static str)> {
    let tokens = select(&[TOKEN, REFRESH, OTHER][..]);
    let padding = (0..300_usize, 0..100_usize);
    let body = prop_oneof![(select(BODIES), tokens.clone()).boxed(), (select(PLACES), Just(OPAQUE)).boxed(),];
    let dots = select(&[".", "%2E", "\\u002e", "&#46;"][..]);
    let how = (select(&["", "gzip", "br"][..]), 1..400_usize, any::<bool>());
    let in_body = (body, dots, padding, how.clone()).prop_map(|(((kind, text), token), dot, (before, after), how)| {
        let (coding, size, has_length) = how;
        // The session's own opaque token has no dot.
        let (written, blank) = (token.replace('.', dot), " ".repeat(before));
        let body = format!("{blank}{}{}", text.replace("TOKEN", &written), " ".repeat(after)).into_bytes();
        (Answer { kind, body, coding, size, has_length, field: None, trailer: None }, token)
    });
    let in_field = (tokens, select(FIELDS), any::<bool>(), how).prop_map(|(token, name, late, how)| {
        let value = if name == "set-cookie" { format!("lang={token}; Path=/") } else { format!("a {token}") };
        let (field, trailer) = if late { (None, Some((name, value))) } else { (Some((name, value)), None) };
        let (coding, size, has_length) = how;
        (Answer { coding, size, has_length, field, trailer, ..Answer::plain("x") }, token)
    });
    prop_oneof![3 => in_body, 1 => in_field]
}

/// The part of a token that opens something, as it is written.
fn secret(token: &str) -> &str {
    token.rsplit('.').next().unwrap()
}

#[test]
fn a_token_planted_anywhere_never_reaches_the_browser() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let plan = Arc::new(Mutex::new(Answer::plain("")));
    let planned = Arc::clone(&plan);
    let front = runtime.block_on(async {
        let stub = Stub::answering(move |_| planned.lock().unwrap().response()).await;
        Front::with(&stub.url(), |setup| setup.config.allow_set_cookie = vec!["lang".into()]).await
    });
    let config = ProptestConfig { failure_persistence: None, cases: 256, ..ProptestConfig::default() };
    proptest!(config, |((answer, token) in answers())| {
        let (seen, whole) = runtime.block_on(answer.seen(&front, &plan));
        prop_assert!(!seen.contains(secret(token)), "{}", seen);
        let is_trailer = answer.trailer.is_some();
        prop_assert!(!whole || is_trailer, "{}", seen);
        // The same answer with something else in the place of the token passes as it is.
        let harmless = |text: &str| text.replace(token, "harmless").replace(secret(token), "harmless").replace("eyJ", "xyz");
        let other = Answer {
            body: harmless(&String::from_utf8(answer.body.clone()).unwrap()).into_bytes(),
            field: answer.field.clone().map(|(name, value)| (name, harmless(&value))),
            trailer: None,
            ..answer
        };
        let (seen, whole) = runtime.block_on(other.seen(&front, &plan));
        prop_assert!(whole && seen.ends_with(std::str::from_utf8(&other.body).unwrap()), "{}", seen);
    });
}
