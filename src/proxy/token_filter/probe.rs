//! What gives one token away: the last run of at most 32 letters, digits, `-`, `_` and `.` in it.
//!
//! A short probe is found by vector instructions without a table to prepare, needs no more than 31 bytes to be held back
//! at the end of a chunk, and reads the same however JSON, HTML or a URL escapes the other characters.

use memchr::memmem;

/// The longest probe: what `memmem` searches with vectors alone.
const MAX_PROBE: usize = 32;
/// A shorter one would be found by chance.
pub(super) const MIN_PROBE: usize = 12;
/// Below this length, in bytes, preparing a search by vectors takes longer than the search.
const SHORT: usize = 1 << 10;

/// A part of one token that gives it away.
#[derive(Clone, Copy)]
pub(super) struct Probe {
    bytes: [u8; MAX_PROBE],
    length: u8,
}

impl Probe {
    /// The probe of a token; `None` when no part of it is long enough to be told apart.
    pub(super) fn new(token: &str) -> Option<Self> {
        let run = last_run(token.as_bytes());
        let length = u8::try_from(run.len()).ok()?;
        let mut bytes = [0; MAX_PROBE];
        bytes.get_mut(..run.len())?.copy_from_slice(run);
        (run.len() >= MIN_PROBE).then_some(Self { bytes, length })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        let probe = self.bytes();
        if text.len() < SHORT {
            return memchr::memchr_iter(probe[0], text).any(|at| text[at..].starts_with(probe));
        }
        memmem::find(text, probe).is_some()
    }

    /// How many bytes at the end of `text` may be the beginning of the probe.
    pub(super) fn begun(&self, text: &[u8]) -> usize {
        begun(self.bytes(), text)
    }
}

/// How many bytes at the end of `text` may be the beginning of `needle`, and are not all of it.
pub(super) fn begun(needle: &[u8], text: &[u8]) -> usize {
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
        assert!(Probe::new("token").is_none() && Probe::new("abc/def/ghi/jkl/mno").is_none());
    }

    #[test]
    fn knows_how_much_of_it_has_begun() {
        assert_eq!(begun(b"abcabd", b"xabcab"), 5);
        assert_eq!(begun(b"abcabd", b"xabcaba"), 1);
        assert_eq!(begun(b"abcabd", b"abcabd"), 0);
        assert_eq!(begun(b"abc", b""), 0);
    }
}
