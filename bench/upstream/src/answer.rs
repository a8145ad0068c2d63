//! What the API answers.

use std::{io::Write, sync::LazyLock};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::TryStreamExt;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue},
};

use crate::{event::Ticker, socket};

pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// As long as a real token with a few claims under RS256.
const TOKEN: &str = include_str!("token.txt");
/// About 200 bytes, as one note.
const NOTE: &[u8] = br#"{"id":"0197a3f2-6c1e-7d40-9b1a-2f4c8e6d0a57","title":"Shopping","body":"Bread, butter, two lemons and the good olive oil","created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z","version":1}"#;
/// 100 KiB, as a list of notes.
static LARGE: LazyLock<Bytes> = LazyLock::new(|| {
    let mut list = vec![b'['];
    while list.len() + NOTE.len() + 2 < 100 * 1024 {
        list.extend_from_slice(NOTE);
        list.push(b',');
    }
    list.pop();
    list.resize(100 * 1024 - 1, b' ');
    list.push(b']');
    list.into()
});
static COMPRESSED_NOTE: LazyLock<Bytes> = LazyLock::new(|| gzip(NOTE));
static COMPRESSED_LARGE: LazyLock<Bytes> = LazyLock::new(|| gzip(&LARGE));
static PIECE: [u8; 64 * 1024] = [b'y'; 64 * 1024];

pub async fn to(request: Request<Incoming>, ticker: &Ticker) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if path == "/auth/login" {
        return log_in(request).await;
    }
    if !is_authorized(request.headers()) {
        return status(StatusCode::UNAUTHORIZED);
    }
    match (request.method(), path.as_str()) {
        (&Method::GET, "/note") if takes_gzip(request.headers()) => compressed(&COMPRESSED_NOTE),
        (&Method::GET, "/note") => full("application/json", Bytes::from_static(NOTE)),
        (&Method::GET, "/large") if takes_gzip(request.headers()) => compressed(&COMPRESSED_LARGE),
        (&Method::GET, "/large") => full("application/json", LARGE.clone()),
        (&Method::GET, "/download") => download(request.uri().query()),
        (&Method::POST, "/upload") => upload(request.into_body()).await,
        (&Method::GET, "/events") => events(ticker, 1),
        // Every five seconds: many streams are to cost memory, not time.
        (&Method::GET, "/quiet-events") => events(ticker, 100),
        (&Method::GET, "/echo") => socket::upgrade(request),
        _ => status(StatusCode::NOT_FOUND),
    }
}

fn is_authorized(headers: &HeaderMap) -> bool {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    bearer.is_some_and(|token| token == TOKEN.trim_end().as_bytes())
}

/// Whether the client takes gzip: none of the loads say so but those that measure it.
fn takes_gzip(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT_ENCODING).is_some_and(|value| value.as_bytes().windows(4).any(|part| part == b"gzip"))
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default().into()
}

fn compressed(bytes: &Bytes) -> Response<Body> {
    let mut response = full("application/json", bytes.clone());
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

/// The one account there is; the password does not matter.
async fn log_in(request: Request<Incoming>) -> Response<Body> {
    if request.into_body().collect().await.is_err() {
        return status(StatusCode::BAD_REQUEST);
    }
    let token = TOKEN.trim_end();
    let json = format!(
        r#"{{"access_token":"{token}","refresh_token":"bench-refresh-0123456789abcdef","token_type":"Bearer","expires_in":86400,"user":{{"id":"1","email":"ada@example.com","name":"Ada"}}}}"#
    );
    typed("application/json", Full::new(json.into()).map_err(|never| match never {}).boxed_unsync())
}

async fn upload(mut body: Incoming) -> Response<Body> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => length += frame.data_ref().map_or(0, Bytes::len),
            Err(_) => return status(StatusCode::BAD_REQUEST),
        }
    }
    let json = format!(r#"{{"bytes":{length}}}"#);
    typed("application/json", Full::new(json.into()).map_err(|never| match never {}).boxed_unsync())
}

/// `?bytes=N`: streamed.
fn download(query: Option<&str>) -> Response<Body> {
    let Some(length) = query.and_then(|query| query.strip_prefix("bytes=")?.parse::<usize>().ok()) else {
        return status(StatusCode::BAD_REQUEST);
    };
    let pieces = futures_util::stream::unfold(length, |left| async move {
        let piece = &PIECE[..left.min(PIECE.len())];
        (left > 0).then(|| (Ok(Frame::data(Bytes::from_static(piece))), left - piece.len()))
    });
    let mut response = typed("application/octet-stream", StreamBody::new(pieces).boxed_unsync());
    response.headers_mut().insert(hyper::header::CONTENT_LENGTH, length.into());
    response
}

fn events(ticker: &Ticker, nth: u32) -> Response<Body> {
    typed("text/event-stream", StreamBody::new(ticker.stream(nth).map_ok(Frame::data)).boxed_unsync())
}

fn full(content_type: &'static str, bytes: Bytes) -> Response<Body> {
    typed(content_type, Full::new(bytes).map_err(|never| match never {}).boxed_unsync())
}

fn typed(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub fn status(status: StatusCode) -> Response<Body> {
    let mut response = full("text/plain", Bytes::new());
    *response.status_mut() = status;
    response
}
