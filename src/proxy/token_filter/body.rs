//! Tokens in bodies.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header, response};

use super::{
    Coding, Rules, Search, SessionTokens, Why,
    coding::Decoder,
    json::{self, Watch},
    step::Undecodable,
};

/// How much of a compressed body may be held back, in bytes, until it is clear what it means.
const MAX_HELD: usize = 256 << 10;

/// Up to this length, in bytes, a chunk goes out in one piece with what was held back before it.
const SHORT: usize = 64;

/// Searches one body on its way to a browser.
pub(in crate::proxy) struct BodyFilter {
    known: SessionTokens,
    json: Json,
    /// The end of what was seen, when a token may begin there; of a compressed body, all that came since.
    held: Bytes,
    /// Boxed, as most bodies come in one piece and need nothing of it.
    more: Option<Box<More>>,
}

/// Whether a body is JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Json {
    No,
    Yes,
    /// Its type does not say; its first character will.
    Perhaps,
}

/// The state of a search over several pieces.
#[derive(Default)]
struct More {
    watch: Option<Watch>,
    coded: Option<Coded>,
}

/// A body with a content coding.
struct Coded {
    /// `None` when there is no decoder for it.
    decoder: Option<Decoder>,
    /// The end of what was decoded, when a token may begin there.
    tail: Vec<u8>,
}

/// The bytes that may go out: those held back before, and those of the chunk.
type Passed = (Bytes, Bytes);

impl From<Undecodable> for Why {
    fn from(_: Undecodable) -> Self {
        Self::Undecodable
    }
}

impl BodyFilter {
    /// A filter for the body after `head`.
    pub(in crate::proxy) fn new(known: SessionTokens, head: &response::Parts) -> Self {
        let coding = Coding::of(&head.headers);
        let more = (coding != Coding::Identity).then(|| {
            // A part of a compressed body cannot be decoded.
            let decoder = Decoder::new(coding).filter(|_| head.status != StatusCode::PARTIAL_CONTENT);
            Box::new(More { watch: None, coded: Some(Coded { decoder, tail: Vec::new() }) })
        });
        Self { known, json: Json::of(&head.headers), held: Bytes::new(), more }
    }

    /// Searches the next chunk of a body, and gives what may go out: what was held back before it, and what of the
    /// chunk. Its end stays behind when a token may begin there, unless it is the `last` one.
    ///
    /// # Errors
    /// When a token is found: then nothing of it has gone out that would open anything.
    pub(in crate::proxy) fn check_chunk(&mut self, rules: &Rules, chunk: Bytes, last: bool) -> Result<Passed, Why> {
        if self.more.as_ref().is_some_and(|more| more.coded.is_some()) {
            return self.check_coded(rules, chunk, last);
        }
        self.look_for_places(rules, &chunk, last)?;
        let open = Search::new(rules, &self.known).find_on(&self.held, &chunk, last)?;
        let before = self.release();
        if open > chunk.len() {
            self.held = joined(&before, &chunk);
            return Ok(Passed::default());
        }
        let mut chunk = chunk;
        self.held = chunk.split_off(chunk.len() - open);
        if !before.is_empty() && chunk.len() <= SHORT {
            return Ok((joined(&before, &chunk), Bytes::new()));
        }
        Ok((before, chunk))
    }

    /// Decodes a chunk and searches what it means. It stays behind while a token may begin at its end.
    fn check_coded(&mut self, rules: &Rules, chunk: Bytes, last: bool) -> Result<Passed, Why> {
        let mut more = self.more.take().unwrap_or_default();
        let Some(Coded { decoder: Some(decoder), tail }) = &mut more.coded else { return Err(Why::Coding) };
        let search = Search::new(rules, &self.known);
        let (json, watch) = (&mut self.json, &mut more.watch);
        decoder.decode(&chunk, |plain| {
            json.look(rules, watch, plain, None)?;
            let open = search.find_on(tail, plain, false)?;
            keep_end(tail, plain, open);
            Ok::<(), Why>(())
        })?;
        if last {
            search.find_on(tail, &[], true)?;
            tail.clear();
        }
        let is_open = !tail.is_empty();
        self.more = Some(more);
        let before = self.release();
        if is_open {
            self.held = if before.is_empty() { chunk } else { joined(&before, &chunk) };
            return if self.held.len() > MAX_HELD { Err(Why::Undecodable) } else { Ok(Passed::default()) };
        }
        Ok((before, chunk))
    }

    fn look_for_places(&mut self, rules: &Rules, chunk: &Bytes, last: bool) -> Result<(), Why> {
        if self.json == Json::No || rules.filter.places.pointers().is_empty() {
            return Ok(());
        }
        if last && self.more.is_none() {
            return self.json.look_once(rules, chunk);
        }
        let watch = &mut self.more.get_or_insert_default().watch;
        self.json.look(rules, watch, chunk, Some(chunk))
    }

    /// The bytes that are held back at the end of the body.
    ///
    /// # Errors
    /// When it is a token.
    pub(in crate::proxy) fn finish(&mut self, rules: &Rules) -> Result<Bytes, Why> {
        let held = self.release();
        let tail = self.more.as_ref().and_then(|more| more.coded.as_ref()).map(|coded| coded.tail.as_slice());
        Search::new(rules, &self.known).find(tail.unwrap_or(&held), true)?;
        Ok(held)
    }

    fn release(&mut self) -> Bytes {
        std::mem::take(&mut self.held)
    }

    /// Searches trailers, and removes those that carry credentials.
    ///
    /// # Errors
    /// When a field holds a token, with its name.
    pub(in crate::proxy) fn check_trailers(
        &self,
        rules: &Rules,
        trailers: &mut HeaderMap,
    ) -> Result<(), (Why, http::HeaderName)> {
        rules.check_fields(&self.known, trailers)
    }

    /// How many bytes are held back.
    pub(in crate::proxy) fn held(&self) -> usize {
        self.held.len()
    }
}

impl Json {
    fn of(headers: &HeaderMap) -> Self {
        let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Self::Perhaps };
        let kind = kind.as_bytes();
        let kind = kind[..memchr::memchr(b';', kind).unwrap_or(kind.len())].trim_ascii();
        let begins = |with: &[u8]| kind.get(..with.len()).is_some_and(|it| it.eq_ignore_ascii_case(with));
        if kind.last_chunk::<4>().is_some_and(|end| end.eq_ignore_ascii_case(b"json")) {
            Self::Yes
        } else if begins(b"application/") || begins(b"text/plain") {
            Self::Perhaps
        } else {
            Self::No
        }
    }

    fn settle(&mut self, text: &[u8]) {
        if *self == Self::Perhaps {
            *self = match json::begins_like_json(text) {
                Some(true) => Self::Yes,
                Some(false) => Self::No,
                None => Self::Perhaps,
            };
        }
    }

    fn look_once(mut self, rules: &Rules, text: &[u8]) -> Result<(), Why> {
        self.settle(text);
        if self == Self::No { Ok(()) } else { judge(rules, json::look_once(&rules.filter, text)) }
    }

    /// Looks at the next piece, of which `shared` is a copy that costs nothing.
    fn look(
        &mut self,
        rules: &Rules,
        watch: &mut Option<Watch>,
        piece: &[u8],
        shared: Option<&Bytes>,
    ) -> Result<(), Why> {
        self.settle(piece);
        if *self == Self::No || rules.filter.places.pointers().is_empty() {
            return Ok(());
        }
        let keep = || shared.map_or_else(|| Bytes::copy_from_slice(piece), Bytes::clone);
        judge(rules, watch.get_or_insert_default().look(&rules.filter, piece, keep))
    }
}

fn judge(rules: &Rules, found: Option<usize>) -> Result<(), Why> {
    let pointer = found.and_then(|index| rules.filter.places.pointers().get(index)).map(|it| it.text().to_owned());
    match pointer.filter(|pointer| !rules.page_tokens.pass_at(pointer)) {
        Some(pointer) => Err(Why::TokenLocation(pointer)),
        None => Ok(()),
    }
}

/// Keeps the end of a text, `open` bytes with what was kept before.
fn keep_end(tail: &mut Vec<u8>, piece: &[u8], open: usize) {
    if open <= piece.len() {
        tail.clear();
    }
    tail.extend_from_slice(&piece[piece.len() - open.min(piece.len())..]);
}

fn joined(first: &[u8], second: &[u8]) -> Bytes {
    let mut joined = BytesMut::with_capacity(first.len() + second.len());
    joined.extend_from_slice(first);
    joined.extend_from_slice(second);
    joined.freeze()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderValue, Response};

    use super::*;
    use crate::{
        contract::TokenLocation,
        proxy::{TokenFilter, token_filter::session_tokens::tests::known},
    };

    const JWT: &str =
        "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhcGkiLCJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    /// Of another issuer.
    const CHAT: &str =
        "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJjaGF0Iiwic3ViIjoiMSJ9.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    const OPAQUE: &str = "v1/0PQRSTUVWXYZabcdefghijklm+nopq/rs==";

    fn rules(page_tokens: &[&str]) -> Rules {
        let places = [TokenLocation::Pointer("/access_token".into())];
        let page_tokens: Vec<String> = page_tokens.iter().map(|it| (*it).into()).collect();
        Rules::new(Arc::new(TokenFilter::new(&places)), true, &page_tokens, "")
    }

    fn filter(known: SessionTokens, fields: &[(&'static str, &'static str)]) -> BodyFilter {
        let mut head = Response::new(()).into_parts().0;
        for (name, value) in fields {
            head.headers.append(*name, HeaderValue::from_static(value));
        }
        BodyFilter::new(known, &head)
    }

    /// The part that goes out of a body that comes in chunks of `size` bytes, the last of which is known to be it or not.
    fn through(mut filter: BodyFilter, rules: &Rules, body: &[u8], size: usize, ends: bool) -> Result<Vec<u8>, Why> {
        let mut out = Vec::new();
        let mut chunks = body.chunks(size).peekable();
        while let Some(chunk) = chunks.next() {
            let last = ends && chunks.peek().is_none();
            let (before, chunk) = filter.check_chunk(rules, Bytes::copy_from_slice(chunk), last)?;
            out.extend_from_slice(&before);
            out.extend_from_slice(&chunk);
            assert!(filter.held() <= 20_000);
        }
        out.extend_from_slice(&filter.finish(rules)?);
        Ok(out)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        [b"\x1f\x8b\x08\0\0\0\0\0\0\x03", &*miniz_oxide::deflate::compress_to_vec(text, 6), &[0; 8]].concat()
    }

    #[test]
    fn finds_a_token_across_any_chunk_boundaries() {
        let rules = rules(&[]);
        for token in [JWT, OPAQUE, "v1\\/0PQRSTUVWXYZabcdefghijklm+nopq\\/rs=="] {
            let body = format!("{{\"user\":1,\"key\":\"{token}\"}}");
            for size in 1..=body.len() {
                for ends in [true, false] {
                    for known in [known(JWT, Some(OPAQUE)), known(OPAQUE, None)] {
                        let found = through(filter(known, &[]), &rules, body.as_bytes(), size, ends);
                        assert!(matches!(found, Err(Why::Session | Why::Jwt(_))), "{size} {ends} {body}");
                    }
                }
            }
        }
    }

    #[test]
    fn finds_a_jwt_that_nobody_knows() {
        let rules = rules(&[]);
        for body in [JWT.to_owned(), format!("data: {JWT}\n\n"), format!("<a href='?t={}'>", JWT.replace('.', "%2E"))] {
            for size in 1..=body.len() {
                let found = through(filter(SessionTokens::default(), &[]), &rules, body.as_bytes(), size, false);
                let Err(Why::Jwt(kind)) = found else { panic!("{size} {body}") };
                assert_eq!(kind.algorithm.as_deref(), Some("HS256"));
            }
        }
        let long = format!("{}{JWT}{}", "eyJ".repeat(10_000), "x".repeat(10_000));
        assert!(through(filter(SessionTokens::default(), &[]), &rules, long.as_bytes(), 30_001, false).is_ok());
    }

    #[test]
    fn finds_a_token_in_a_compressed_body() {
        let rules = rules(&[]);
        let body = gzip(format!("{}{OPAQUE}{}", "before ".repeat(9), " after".repeat(9)).as_bytes());
        let plain = gzip("before, between and after".repeat(99).as_bytes());
        for size in 1..=body.len() {
            let coded = |known| filter(known, &[("content-encoding", "gzip")]);
            assert_eq!(through(coded(known(OPAQUE, None)), &rules, &body, size, false), Err(Why::Session), "{size}");
            assert_eq!(through(coded(known(JWT, None)), &rules, &body, size, true).unwrap(), body, "{size}");
            assert_eq!(through(coded(known(JWT, None)), &rules, &plain, size, size % 2 == 0).unwrap(), plain, "{size}");
        }
    }

    #[test]
    fn lets_go_of_nothing_that_opens_anything() {
        let rules = rules(&[]);
        let body = gzip(format!("x{OPAQUE}").as_bytes());
        for size in 1..body.len() {
            let mut filter = filter(known(OPAQUE, None), &[("content-encoding", "gzip")]);
            let (mut out, mut found) = (Vec::new(), false);
            for chunk in body.chunks(size) {
                match filter.check_chunk(&rules, Bytes::copy_from_slice(chunk), false) {
                    Ok((before, chunk)) => out.extend([before, chunk].concat()),
                    Err(why) => {
                        assert_eq!(why, Why::Session);
                        found = true;
                        break;
                    }
                }
            }
            let mut state = miniz_oxide::inflate::stream::InflateState::new_boxed(miniz_oxide::DataFormat::Raw);
            let mut plain = [0; 100];
            let coded = out.get(10..).unwrap_or_default();
            let inflated =
                miniz_oxide::inflate::stream::inflate(&mut state, coded, &mut plain, miniz_oxide::MZFlush::None);
            assert!(found && inflated.bytes_written < 12, "{size}: {:?}", &plain[..inflated.bytes_written]);
        }
    }

    #[test]
    fn withholds_what_it_cannot_look_into() {
        let rules = rules(&[]);
        for coding in ["zstd", "gzip, br", "deflate"] {
            let filter = filter(SessionTokens::default(), &[("content-encoding", coding)]);
            assert_eq!(through(filter, &rules, b"x", 1, true), Err(Why::Coding), "{coding}");
        }
        let filter = filter(SessionTokens::default(), &[("content-encoding", "br")]);
        assert_eq!(through(filter, &rules, &[0xff; 9], 9, true), Err(Why::Undecodable));
        let mut part = Response::new(()).into_parts().0;
        part.status = StatusCode::PARTIAL_CONTENT;
        part.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(
            through(BodyFilter::new(SessionTokens::default(), &part), &rules, &gzip(b"x"), 99, true),
            Err(Why::Coding)
        );
    }

    #[test]
    fn finds_a_text_at_a_token_place() {
        let body = br#"{"id":1,"access_token":"opaque-0123456789"}"#;
        let place = || Err(Why::TokenLocation("/access_token".into()));
        for size in 1..=body.len() {
            for kind in
                ["application/json", "Application/Problem+JSON; charset=utf-8", "text/plain", "application/jsonl"]
            {
                for ends in [true, false] {
                    let filter = filter(SessionTokens::default(), &[("content-type", kind)]);
                    assert_eq!(through(filter, &rules(&[]), body, size, ends), place(), "{size} {kind} {ends}");
                }
            }
        }
        let untyped = || filter(SessionTokens::default(), &[]);
        assert_eq!(through(untyped(), &rules(&[]), body, 50, true), place());
        assert!(through(untyped(), &rules(&["/access_token"]), body, 5, true).is_ok());
        let coded =
            filter(SessionTokens::default(), &[("content-type", "application/json"), ("content-encoding", "gzip")]);
        assert_eq!(through(coded, &rules(&[]), &gzip(body), 7, true), place());
        let html = filter(SessionTokens::default(), &[("content-type", "text/html")]);
        assert!(through(html, &rules(&[]), body, 50, true).is_ok());
    }

    #[test]
    fn lets_the_tokens_of_pages_pass() {
        let body = format!("{{\"chat\":\"{CHAT}\"}}");
        for size in 1..=body.len() {
            for page_tokens in [&["chat"][..], &["other", "any"]] {
                let passed = through(filter(known(JWT, None), &[]), &rules(page_tokens), body.as_bytes(), size, false);
                assert_eq!(passed.unwrap(), body.as_bytes(), "{size}");
            }
            let other = through(filter(known(JWT, None), &[]), &rules(&["other"]), body.as_bytes(), size, true);
            assert!(matches!(other, Err(Why::Jwt(_))), "{size}");
            // Whatever is let through, not what is of the session's own kind.
            let own = body.replace(CHAT, JWT);
            let own = through(filter(known(JWT, None), &[]), &rules(&["any", "api"]), own.as_bytes(), size, true);
            assert_eq!(own, Err(Why::Session), "{size}");
        }
        let at_the_end = through(filter(known(JWT, None), &[]), &rules(&["any"]), JWT.as_bytes(), 1, false);
        assert_eq!(at_the_end, Err(Why::Session));
    }

    #[test]
    fn copies_no_chunk_for_what_was_held_back_before_it() {
        let rules = rules(&[]);
        let mut filter = filter(known(OPAQUE, None), &[]);
        let (_, chunk) = filter.check_chunk(&rules, Bytes::from_static(b"1PQRSTU"), false).unwrap();
        assert_eq!(chunk, "1PQRSTU");
        let begun = "0PQRST";
        let (_, chunk) = filter.check_chunk(&rules, Bytes::from(format!("1{begun}")), false).unwrap();
        assert_eq!((chunk.as_ref(), filter.held()), (&b"1"[..], begun.len()));
        let long = Bytes::from("x".repeat(5000));
        let (before, chunk) = filter.check_chunk(&rules, long.clone(), false).unwrap();
        assert_eq!((before.as_ref(), chunk.as_ptr(), chunk.len()), (begun.as_bytes(), long.as_ptr(), long.len()));
    }

    #[test]
    fn holds_nothing_back_at_the_end_of_an_event() {
        let rules = rules(&[]);
        let mut filter = filter(known(JWT, None), &[("content-type", "text/event-stream")]);
        let event = Bytes::from_static(b"data: {\"id\":1}\n\n");
        assert_eq!(filter.check_chunk(&rules, event.clone(), false).unwrap(), (Bytes::new(), event));
        assert_eq!(filter.held(), 0);
    }
}
