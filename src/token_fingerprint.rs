//! How a token is recognised in a text: as any JWT, or by a fragment of it.
//!
//! The fragment is the last run of at most 32 letters, digits, `-`, `_` and `.` in the token. It is found by vector
//! instructions without a table to prepare, needs no more than 31 bytes to be held back at the end of a chunk, and reads
//! the same however JSON, HTML or a URL escapes the other characters.

use memchr::memmem;

/// The longest fragment: `memmem` searches it with vector instructions only.
const MAX_FRAGMENT: usize = 32;
/// A shorter one would be found by chance.
pub(crate) const MIN_FRAGMENT: usize = 12;
/// Below this length, in bytes, preparing a search by vectors takes longer than the search.
const SHORT: usize = 1 << 10;

/// The base64url of `{"`, with the first bits of a letter: each JWT begins with it (RFC 7519 §3).
pub(crate) const JWT_BEGIN: &[u8] = b"eyJ";
/// The longest header of a JWT that is looked at, in bytes. With three certificates it has 7 KiB.
pub(crate) const MAX_JWT_HEADER: usize = 8 << 10;

/// How one token is recognised.
#[derive(Clone)]
pub(crate) enum Fingerprint {
    /// The token looks like a JWT, and is found as any JWT is.
    Jwt,
    Fragment(Fragment),
}

/// A part of one token, long enough to tell it from other text.
#[derive(Clone)]
pub(crate) struct Fragment {
    bytes: [u8; MAX_FRAGMENT],
    length: u8,
}

impl Fingerprint {
    /// The fingerprint of a token; `None` when no part of it is long enough to be told apart.
    pub(crate) fn of(token: &str) -> Option<Self> {
        if looks_like_jwt(token.as_bytes()) { Some(Self::Jwt) } else { Fragment::new(token).map(Self::Fragment) }
    }
}

/// Whether a token begins as a JWT does, up to a dot.
fn looks_like_jwt(token: &[u8]) -> bool {
    token.starts_with(JWT_BEGIN) && memchr::memchr(b'.', &token[..token.len().min(MAX_JWT_HEADER)]).is_some()
}

impl Fragment {
    fn new(token: &str) -> Option<Self> {
        let run = last_run(token.as_bytes());
        let length = u8::try_from(run.len()).ok()?;
        let mut bytes = [0; MAX_FRAGMENT];
        bytes.get_mut(..run.len())?.copy_from_slice(run);
        (run.len() >= MIN_FRAGMENT).then_some(Self { bytes, length })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        let fragment = self.bytes();
        if text.len() < SHORT {
            return memchr::memchr_iter(fragment[0], text).any(|at| text[at..].starts_with(fragment));
        }
        memmem::find(text, fragment).is_some()
    }

    /// How many bytes at the end of `text` may be the beginning of the fragment.
    pub(crate) fn begun(&self, text: &[u8]) -> usize {
        begun(self.bytes(), text)
    }
}

/// How many bytes at the end of `text` may be the beginning of `needle`, and are not all of it.
pub(crate) fn begun(needle: &[u8], text: &[u8]) -> usize {
    let mut tail = &text[text.len().saturating_sub(needle.len() - 1)..];
    while let Some(at) = memchr::memchr(needle[0], tail) {
        tail = &tail[at..];
        if needle.starts_with(tail) {
            return tail.len();
        }
        tail = &tail[1..];
    }
    0
}

/// The end of the last run of plain bytes that fills a fragment, else the longest run.
fn last_run(token: &[u8]) -> &[u8] {
    let (mut rest, mut best) = (token, &token[..0]);
    while best.len() < MAX_FRAGMENT && !rest.is_empty() {
        let plain = rest.iter().rev().take(MAX_FRAGMENT).take_while(|byte| is_plain(**byte)).count();
        let (before, run) = rest.split_at(rest.len() - plain);
        if run.len() > best.len() {
            best = run;
        }
        rest = &before[..before.len().saturating_sub(1)];
    }
    best
}

/// Whether no encoding escapes the byte.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_for_the_last_part_that_is_long_enough() {
        let run = |token: &'static str| std::str::from_utf8(last_run(token.as_bytes())).unwrap();
        assert_eq!(run("0123456789.abcdefghijklmnopqrstuvwxyz+ABCDEF=="), "56789.abcdefghijklmnopqrstuvwxyz");
        assert_eq!(run("abcdefghijkl+ABCDEFGHIJKL+mnopqrs"), "ABCDEFGHIJKL");
        assert_eq!(run("abcdefghijklmn"), "abcdefghijklmn");
        assert_eq!((run("==+/"), run("")), ("", ""));
    }

    #[test]
    fn leaves_alone_what_is_too_short_to_be_told_apart() {
        assert!(Fragment::new("token").is_none() && Fragment::new("abc/def/ghi/jkl/mno").is_none());
    }

    #[test]
    fn knows_how_much_of_it_has_begun() {
        assert_eq!(begun(b"abcabd", b"xabcab"), 5);
        assert_eq!(begun(b"abcabd", b"xabcaba"), 1);
        assert_eq!(begun(b"abcabd", b"abcabd"), 0);
        assert_eq!(begun(b"abc", b""), 0);
    }
}
