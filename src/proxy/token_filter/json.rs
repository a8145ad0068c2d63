//! Finds texts at the contract's token places in JSON (RFC 8259) that comes in pieces.
//!
//! Nothing is followed until one of the names has come by, which `memmem` sees. Then what has come so far is gone
//! through once, and the rest as it comes.

use bytes::Bytes;

use super::{Needle, Pointer, TokenFilter};

/// How much of a JSON text is kept for the case that a name comes by, in bytes. Beyond it a name is taken for a token
/// place wherever it stands.
const MAX_KEPT: usize = 64 << 10;
/// The deepest level that is followed.
const MAX_DEPTH: usize = 512;
/// The longest name that is compared, in bytes as it is written.
const MAX_KEY: usize = 1 << 10;
/// From how many visible characters on a text may be a token: 96 bits in base64.
const MIN_TOKEN: usize = 16;

/// Whether a body may be JSON, by its first character.
pub(super) fn begins_like_json(text: &[u8]) -> Option<bool> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    text.first().map(|first| matches!(first, b'{' | b'['))
}

/// Watches one JSON text.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The text so far, while it holds no name.
    kept: Vec<Bytes>,
    length: usize,
    /// The end of what has come, in which a name may have begun.
    tail: Vec<u8>,
    tracker: Option<Tracker>,
}

impl Watch {
    /// Looks at the next piece; returns the number of the pointer at which a token begins. `keep` makes a copy of the
    /// piece for later.
    pub(super) fn look(&mut self, filter: &TokenFilter, piece: &[u8], keep: impl FnOnce() -> Bytes) -> Option<usize> {
        let pointers = filter.places.pointers();
        if let Some(tracker) = &mut self.tracker {
            return tracker.follow(pointers, piece);
        }
        let needles = filter.places.needles();
        let hit = self.has_name(needles, piece);
        if self.length > MAX_KEPT {
            // An escape says nothing of a name.
            self.keep_tail(needles, piece);
            return hit.filter(|needle| needle.is_name()).map(|_| 0);
        }
        if hit.is_some() {
            let mut tracker = Tracker::new(pointers);
            let kept = std::mem::take(&mut self.kept);
            let found = kept.iter().find_map(|piece| tracker.follow(pointers, piece));
            let found = found.or_else(|| tracker.follow(pointers, piece));
            self.tracker = Some(tracker);
            return found;
        }
        self.keep_tail(needles, piece);
        self.length += piece.len();
        if self.length > MAX_KEPT {
            self.kept = Vec::new();
        } else {
            self.kept.push(keep());
        }
        None
    }

    /// A needle that is in the piece, or ends in it.
    fn has_name<'n>(&self, needles: &'n [Needle], piece: &[u8]) -> Option<&'n Needle> {
        let across = |needle: &Needle| {
            let end = &piece[..piece.len().min(needle.len() - 1)];
            !self.tail.is_empty() && needle.is_in(&[&self.tail, end].concat())
        };
        needles.iter().rev().find(|needle| needle.is_in(piece) || across(needle))
    }

    fn keep_tail(&mut self, needles: &[Needle], piece: &[u8]) {
        let longest = needles.iter().map(Needle::len).max().unwrap_or(1) - 1;
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(longest)..]);
        let surplus = self.tail.len().saturating_sub(longest);
        self.tail.drain(..surplus);
    }
}

/// Looks at a JSON text that is there whole, without a copy.
pub(super) fn look_once(filter: &TokenFilter, text: &[u8]) -> Option<usize> {
    if !filter.places.needles().iter().any(|needle| needle.is_in(text)) {
        return None;
    }
    let pointers = filter.places.pointers();
    Tracker::new(pointers).follow(pointers, text)
}

/// The position of the next byte in a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    Between,
    Key,
    KeyEscape,
    Text,
    TextEscape,
}

/// One object or list around the next byte. Pointers are bits.
#[derive(Debug)]
struct Level {
    is_list: bool,
    /// The number of the item, in a list.
    index: usize,
    /// Whether a name comes next, in an object.
    wants_key: bool,
    /// The pointers that lead to this level or through it.
    here: u32,
    /// Those that lead to the value which comes next, or through it.
    next: u32,
}

/// Follows a JSON text, and knows which pointers lead to where it is.
#[derive(Debug)]
struct Tracker {
    spot: Spot,
    levels: Vec<Level>,
    /// The pointers that lead to the whole text or through it: all of them.
    root: u32,
    key: Vec<u8>,
    /// The pointers that end at the text under way.
    wanted: u32,
    visible: usize,
    /// Whether it is too deep to be followed.
    lost: bool,
}

impl Tracker {
    fn new(pointers: &[Pointer]) -> Self {
        let root = (0..pointers.len()).fold(0, |bits, index| bits | 1 << index);
        let (levels, key) = (Vec::new(), Vec::new());
        Self { spot: Spot::Between, levels, root, key, wanted: 0, visible: 0, lost: false }
    }

    /// Continues with the next piece; returns the number of the pointer at which a token has come.
    fn follow(&mut self, pointers: &[Pointer], piece: &[u8]) -> Option<usize> {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match self.spot {
                Spot::Between => self.between(pointers, byte),
                Spot::Key => self.in_key(pointers, byte),
                Spot::KeyEscape => {
                    self.add_to_key(byte);
                    self.spot = Spot::Key;
                }
                Spot::Text if self.wanted == 0 => {
                    // Most texts are of no interest.
                    if !matches!(byte, b'"' | b'\\') {
                        rest = &rest[memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len())..];
                        continue;
                    }
                    self.spot = if byte == b'"' { Spot::Between } else { Spot::TextEscape };
                }
                Spot::Text => self.in_wanted(byte),
                Spot::TextEscape => {
                    self.visible += 1;
                    self.spot = Spot::Text;
                }
            }
            if self.wanted != 0 && self.visible >= MIN_TOKEN {
                return usize::try_from(self.wanted.trailing_zeros()).ok();
            }
            if self.lost {
                return Some(0);
            }
        }
        None
    }

    fn between(&mut self, pointers: &[Pointer], byte: u8) {
        match byte {
            b'{' | b'[' => self.open(pointers, byte == b'['),
            b'}' | b']' => drop(self.levels.pop()),
            b',' => self.next_item(pointers),
            b'"' => self.begin_text(pointers),
            _ => {}
        }
    }

    fn open(&mut self, pointers: &[Pointer], is_list: bool) {
        let here = self.next();
        self.lost = self.levels.len() >= MAX_DEPTH;
        self.levels.push(Level { is_list, index: 0, wants_key: !is_list, here, next: 0 });
        if is_list {
            self.lead_to(pointers, "0");
        }
    }

    fn next_item(&mut self, pointers: &[Pointer]) {
        let Some(level) = self.levels.last_mut() else { return };
        level.next = 0;
        if !level.is_list {
            level.wants_key = true;
        } else if level.here != 0 {
            level.index += 1;
            let index = level.index.to_string();
            self.lead_to(pointers, &index);
        }
    }

    /// The pointers that lead to the value which comes next, or through it.
    fn next(&self) -> u32 {
        self.levels.last().map_or(self.root, |level| level.next)
    }

    /// Notes which pointers go on with `segment` from here.
    fn lead_to(&mut self, pointers: &[Pointer], segment: &str) {
        let depth = self.levels.len();
        let Some(level) = self.levels.last_mut() else { return };
        let goes_on = |pointer: &Pointer| pointer.segments().get(depth - 1).is_some_and(|it| it == segment);
        let leads = pointers.iter().enumerate().filter(|(index, it)| level.here & 1 << index != 0 && goes_on(it));
        level.next = leads.fold(0, |bits, (index, _)| bits | 1 << index);
    }

    fn begin_text(&mut self, pointers: &[Pointer]) {
        let depth = self.levels.len();
        if self.levels.last().is_some_and(|level| level.wants_key) {
            self.key.clear();
            self.spot = Spot::Key;
            return;
        }
        let ends = |index: &usize| pointers[*index].segments().len() == depth;
        let next = self.next();
        let wanted = (0..pointers.len()).filter(|index| next & 1 << index != 0).filter(ends);
        self.wanted = wanted.fold(0, |bits, index| bits | 1 << index);
        (self.visible, self.spot) = (0, Spot::Text);
    }

    fn in_key(&mut self, pointers: &[Pointer], byte: u8) {
        match byte {
            b'"' => {
                self.end_key(pointers);
                self.spot = Spot::Between;
            }
            b'\\' => {
                self.add_to_key(byte);
                self.spot = Spot::KeyEscape;
            }
            _ => self.add_to_key(byte),
        }
    }

    fn add_to_key(&mut self, byte: u8) {
        if self.key.len() < MAX_KEY {
            self.key.push(byte);
        }
    }

    fn end_key(&mut self, pointers: &[Pointer]) {
        let Some(level) = self.levels.last_mut() else { return };
        (level.wants_key, level.next) = (false, 0);
        if level.here == 0 {
            return;
        }
        let key = std::mem::take(&mut self.key);
        if let Ok(plain) = serde_json::from_slice::<String>(&[b"\"", key.as_slice(), b"\""].concat()) {
            self.lead_to(pointers, &plain);
        }
        self.key = key;
    }

    /// One byte of a text that may be a token.
    fn in_wanted(&mut self, byte: u8) {
        match byte {
            b'"' => (self.spot, self.wanted) = (Spot::Between, 0),
            b'\\' => self.spot = Spot::TextEscape,
            b'!'..=b'~' => self.visible += 1,
            // No token has a blank in it.
            _ => self.wanted = 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::TokenLocation;

    const TOKEN: &str = "0123456789abcdef";

    fn filter(pointers: &[&str]) -> TokenFilter {
        TokenFilter::new(&pointers.iter().map(|it| TokenLocation::Pointer((*it).into())).collect::<Vec<_>>())
    }

    fn found(filter: &TokenFilter, text: &str, size: usize) -> Option<usize> {
        let mut watch = Watch::default();
        let mut pieces = text.as_bytes().chunks(size);
        pieces.find_map(|piece| watch.look(filter, piece, || Bytes::copy_from_slice(piece)))
    }

    #[test]
    fn finds_a_text_at_its_place_in_any_pieces() {
        let filter = filter(&["/access_token", "/data/tokens/0/refresh_token", "/a~1b"]);
        for (text, pointer) in [
            (format!("{{\"a\":[1,{{\"b\":null}}],\"access_token\" : \"{TOKEN}\"}}"), 0),
            (format!("[1]\n{{\"access_token\":\"{TOKEN}"), 0),
            (format!(r#"{{"acc\u0065ss_token":"{TOKEN}"}}"#), 0),
            (r#"{"access_token":"0123\/4567\/89abcdef"}"#.to_owned(), 0),
            (format!(r#"{{"data":{{"tokens":[{{"x":"\"","refresh_token":"{TOKEN}"}}]}}}}"#), 1),
            (format!(r#"{{"a/b":"{TOKEN}"}}"#), 2),
        ] {
            for size in 1..=text.len() {
                assert_eq!(found(&filter, &text, size), Some(pointer), "{size} {text}");
            }
            assert_eq!(look_once(&filter, text.as_bytes()), Some(pointer), "{text}");
        }
    }

    #[test]
    fn leaves_other_places_and_other_values_alone() {
        let filter = filter(&["/token", "/list/1"]);
        for text in [
            format!(r#"{{"device":{{"token":"{TOKEN}"}}}}"#),
            format!(r#"[{{"token":"{TOKEN}"}}]"#),
            format!(r#"{{"text":"\"token\":\"{TOKEN}\"","x":"{TOKEN}"}}"#),
            format!(r#"{{"list":["{TOKEN}",["{TOKEN}"]]}}"#),
            r#"{"token":null}"#.into(),
            r#"{"token":"short"}"#.into(),
            r#"{"token":"Please log in first"}"#.into(),
            r#"{"token":{"a":"0123456789abcdef"}}"#.into(),
        ] {
            for size in [1, 7, text.len()] {
                assert_eq!(found(&filter, &text, size), None, "{size} {text}");
            }
        }
    }

    #[test]
    fn takes_a_name_for_a_place_beyond_what_is_kept() {
        let filter = filter(&["/token"]);
        let text = format!(r#"{{"a":"{}","b":{{"token":"{TOKEN}"}}}}"#, "\\u003c".repeat(MAX_KEPT / 6));
        assert_eq!(found(&filter, &text, text.len()), None);
        let text = format!(r#"{{"a":"{}","b":{{"token":"{TOKEN}"}}}}"#, "x".repeat(2 * MAX_KEPT));
        assert_eq!(found(&filter, &text, text.len()), None);
        assert_eq!(found(&filter, &text, 1000), Some(0));
    }

    #[test]
    fn is_not_lost_in_the_deep() {
        let text = format!("{}\"token\"", "[".repeat(MAX_DEPTH + 1));
        assert_eq!(found(&filter(&["/token"]), &text, 100), Some(0));
    }
}
