//! The egress guard: finds the session's own tokens in an upstream's answer.
//!
//! It looks for a *probe*, not for the whole token: the last run of at most 32 letters, digits, `-`,
//! `_` and `.` in it. In a JWT that is part of the signature, without which the rest opens nothing.
//! A short probe is found by vector instructions without a table to prepare, needs no more than 31
//! bytes to be held back at the end of a chunk, and reads the same however JSON, HTML or a URL
//! escapes the other characters.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use memchr::memmem;

use crate::{secret::Secret, session::Record};

/// The longest probe: what `memmem` searches with vectors alone.
const MAX_PROBE: usize = 32;
/// A shorter one would be found by chance.
const MIN_PROBE: usize = 12;
/// Below this length, in bytes, preparing a search by vectors takes longer than the search.
const SHORT: usize = 1 << 10;

/// A part of one token that gives it away.
#[derive(Clone, Copy)]
struct Probe {
    bytes: [u8; MAX_PROBE],
    length: u8,
}

/// One of the session's tokens is in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream's answer holds the session's own token")]
pub(super) struct Leak;

/// Searches one answer for the tokens of one session.
pub(super) struct Guard {
    probes: [Option<Probe>; 2],
    /// The end of what was seen, when a probe may begin there.
    held: Bytes,
}

impl Probe {
    fn new(token: &Secret) -> Option<Self> {
        let run = last_run(token.expose().as_bytes());
        let length = u8::try_from(run.len()).ok()?;
        let mut bytes = [0; MAX_PROBE];
        bytes.get_mut(..run.len())?.copy_from_slice(run);
        (run.len() >= MIN_PROBE).then_some(Self { bytes, length })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    fn is_in(&self, text: &[u8]) -> bool {
        let probe = self.bytes();
        if text.len() < SHORT {
            return memchr::memchr_iter(probe[0], text).any(|at| text[at..].starts_with(probe));
        }
        memmem::find(text, probe).is_some()
    }

    /// How many bytes at the end of `text` may be the beginning of the probe.
    fn begun(&self, text: &[u8]) -> usize {
        let probe = self.bytes();
        let mut tail = &text[text.len().saturating_sub(probe.len() - 1)..];
        while let Some(at) = memchr::memchr(probe[0], tail) {
            tail = &tail[at..];
            if probe.starts_with(tail) {
                return tail.len();
            }
            tail = &tail[1..];
        }
        0
    }
}

/// The end of the last run of plain bytes that fills a probe, else the longest run. It looks no
/// further back than it has to, since it is done for each answer.
fn last_run(token: &[u8]) -> &[u8] {
    let (mut rest, mut best) = (token, &token[..0]);
    while best.len() < MAX_PROBE && !rest.is_empty() {
        let plain = rest.iter().rev().take(MAX_PROBE).take_while(|byte| is_plain(**byte)).count();
        let (before, run) = rest.split_at(rest.len() - plain);
        if run.len() > best.len() {
            best = run;
        }
        rest = &before[..before.len().saturating_sub(1)];
    }
    best
}

/// What no encoding escapes.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

impl Guard {
    /// A guard for the tokens of `record`.
    pub(super) fn new(record: &Record) -> Self {
        let refresh = record.refresh_token.as_ref().and_then(Probe::new);
        Self { probes: [Probe::new(&record.access_token), refresh], held: Bytes::new() }
    }

    fn probes(&self) -> impl Iterator<Item = &Probe> {
        self.probes.iter().flatten()
    }

    /// Searches the values of header or trailer fields.
    ///
    /// # Errors
    /// When a token is found.
    pub(super) fn check_headers(&self, headers: &HeaderMap) -> Result<(), Leak> {
        let found = headers.values().any(|value| {
            let value = value.as_bytes();
            value.len() >= MIN_PROBE && self.probes().any(|probe| probe.is_in(value))
        });
        if found { Err(Leak) } else { Ok(()) }
    }

    /// Searches the next chunk of a body, and gives what may go out: what was held back before it, and what of the
    /// chunk. Its end stays behind when a token may begin there, unless it is the `last` one.
    ///
    /// # Errors
    /// When a token is found: then nothing of it has gone out that would open anything.
    pub(super) fn check_chunk(&mut self, chunk: Bytes, last: bool) -> Result<(Bytes, Bytes), Leak> {
        let mut before = self.release();
        let mut chunk = chunk;
        if !before.is_empty() {
            // A token that began there ends within the first bytes of a long chunk, which need not be copied.
            let joined = joined(&before, &chunk[..chunk.len().min(MAX_PROBE)]);
            if chunk.len() <= MAX_PROBE {
                (before, chunk) = (Bytes::new(), joined);
            } else if self.is_in(&joined) {
                return Err(Leak);
            }
        }
        if self.is_in(&chunk) {
            return Err(Leak);
        }
        if !last {
            let begun = self.probes().map(|probe| probe.begun(&chunk)).max().unwrap_or(0);
            self.held = chunk.split_off(chunk.len() - begun);
        }
        Ok((before, chunk))
    }

    fn is_in(&self, text: &[u8]) -> bool {
        self.probes().any(|probe| probe.is_in(text))
    }

    /// What is held back, at the end of the body.
    pub(super) fn release(&mut self) -> Bytes {
        std::mem::take(&mut self.held)
    }

    /// How many bytes are held back.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }
}

fn joined(first: &[u8], second: &[u8]) -> Bytes {
    let mut joined = BytesMut::with_capacity(first.len() + second.len());
    joined.extend_from_slice(first);
    joined.extend_from_slice(second);
    joined.freeze()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::{random::Random, session::SessionId};

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

    fn guard(access: &str, refresh: Option<&str>) -> Guard {
        Guard::new(&Record {
            id: SessionId::random(&Random::seeded(1)),
            access_token: Secret::new(access),
            access_expires_at: None,
            refresh_due_at: None,
            refresh_token: refresh.map(Secret::new),
            user: "{}".into(),
            created_at: 0,
            last_seen_at: 0,
            issued_at: 0,
            generation: 0,
            persistent: true,
            user_agent: None,
            changes: 0,
        })
    }

    /// What goes out with a chunk.
    fn check(guard: &mut Guard, chunk: &[u8], last: bool) -> Result<Bytes, Leak> {
        guard.check_chunk(Bytes::copy_from_slice(chunk), last).map(|(before, chunk)| joined(&before, &chunk))
    }

    /// What goes out of a body that comes in chunks of `size` bytes.
    fn through(guard: &mut Guard, body: &[u8], size: usize) -> Result<Vec<u8>, Leak> {
        let mut out = Vec::new();
        for chunk in body.chunks(size) {
            out.extend_from_slice(&check(guard, chunk, false)?);
        }
        out.extend_from_slice(&guard.release());
        Ok(out)
    }

    #[test]
    fn finds_a_token_across_any_chunk_boundaries() {
        let body = format!("{{\"user\":1,\"token\":\"{JWT}\"}}");
        for size in 1..=body.len() {
            assert_eq!(through(&mut guard(JWT, None), body.as_bytes(), size), Err(Leak), "{size}");
            assert_eq!(
                through(&mut guard("other-access-token", Some(JWT)), body.as_bytes(), size),
                Err(Leak),
                "{size}"
            );
        }
    }

    #[test]
    fn finds_a_token_in_chunks_of_any_length() {
        for before in [SHORT - JWT.len() - 1, SHORT - JWT.len(), SHORT, 3 * SHORT] {
            let body = format!("{}{JWT}{}", "d".repeat(before), "o".repeat(before));
            assert_eq!(check(&mut guard(JWT, None), body.as_bytes(), false), Err(Leak), "{before}");
        }
    }

    #[test]
    fn looks_for_the_last_part_that_is_long_enough() {
        let run = |token: &'static str| std::str::from_utf8(last_run(token.as_bytes())).unwrap();
        assert_eq!(run("0123456789.abcdefghijklmnopqrstuvwxyz+ABCDEF=="), "56789.abcdefghijklmnopqrstuvwxyz");
        assert_eq!(run("abcdefghijkl+ABCDEFGHIJKL+mnopqrs"), "ABCDEFGHIJKL");
        assert_eq!(run("abcdefghijklmn"), "abcdefghijklmn");
        assert_eq!((run("==+/"), run("")), ("", ""));
    }

    #[test]
    fn lets_out_no_usable_part_of_a_token() {
        let mut guard = guard(JWT, None);
        let (first, second) = JWT.split_at(JWT.len() - 5);
        let out = check(&mut guard, first.as_bytes(), false).unwrap();
        assert_eq!(out, JWT[..JWT.len() - MAX_PROBE]);
        assert_eq!(check(&mut guard, second.as_bytes(), true), Err(Leak));
    }

    #[test]
    fn passes_everything_else_byte_for_byte() {
        // Full of beginnings of the probe.
        let probe = &JWT[JWT.len() - MAX_PROBE..];
        let beginnings: Vec<&str> = (0..MAX_PROBE).map(|length| &probe[..length]).collect();
        let body = beginnings.join("|");
        for size in 1..=body.len() {
            let out = through(&mut guard(JWT, None), body.as_bytes(), size);
            assert_eq!(out.as_deref(), Ok(body.as_bytes()), "{size}");
        }
    }

    /// However a long body is cut, what was held back goes out before the chunk after it, which is not copied.
    #[test]
    fn copies_no_long_chunk() {
        let mut guard = guard(JWT, None);
        let begin = &JWT[JWT.len() - MAX_PROBE..][..3];
        assert_eq!(check(&mut guard, format!("1{begin}").as_bytes(), false).unwrap(), "1");
        let long = Bytes::from("x".repeat(2 * MAX_PROBE));
        let (before, chunk) = guard.check_chunk(long.clone(), false).unwrap();
        assert_eq!((before.as_ref(), chunk.as_ptr(), chunk.len()), (begin.as_bytes(), long.as_ptr(), long.len()));
    }

    #[test]
    fn holds_nothing_back_at_the_end_of_an_event() {
        let mut guard = guard(JWT, None);
        let event = Bytes::from_static(b"data: {\"id\":1}\n\n");
        assert_eq!(check(&mut guard, &event, false).unwrap(), event);
        assert_eq!(guard.held(), 0);
    }

    #[test]
    fn searches_header_values() {
        let guard = guard(JWT, None);
        let mut headers = HeaderMap::new();
        headers.insert("x-next", HeaderValue::from_static("/page?cursor=abcdefghijklmnopqrstuvwxyz0123456789"));
        assert_eq!(guard.check_headers(&headers), Ok(()));
        headers.insert("x-debug", HeaderValue::from_str(&format!("Bearer {JWT}")).unwrap());
        assert_eq!(guard.check_headers(&headers), Err(Leak));
    }

    #[test]
    fn finds_a_token_whose_other_characters_are_escaped() {
        let token = "v1/0PQRSTUVWXYZabcdefghijklm+nopq/rs==";
        for body in ["v1\\/0PQRSTUVWXYZabcdefghijklm+nopq\\/rs==", "v1%2F0PQRSTUVWXYZabcdefghijklm%2Bnopq%2Frs%3D%3D"] {
            assert!(check(&mut guard(token, None), body.as_bytes(), true).is_err(), "{body}");
        }
    }

    #[test]
    fn leaves_alone_what_is_too_short_to_be_told_apart() {
        let mut guard = guard("token", Some("abc/def/ghi/jkl/mno"));
        let body = Bytes::from_static(b"{\"token\":\"token abc/def/ghi/jkl/mno\"}");
        assert_eq!(check(&mut guard, &body, true).unwrap(), body);
    }
}
