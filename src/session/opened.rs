//! Cookies that were opened a moment ago.
//!
//! A page's requests bring the same cookie again and again. What it holds is kept for a little while,
//! by the whole value. Whether the session has ended is asked each time, of others.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use super::{kept::Kept, record::Record};

/// How much of a value's end is hashed, in bytes: it is the seal's tag, as good as random. Only what
/// bears that seal is kept, so that nobody can make many values with one end.
const HASHED: usize = 22;

/// Opened cookies by the hash of their value's end, which is not hashed again.
#[derive(Debug)]
pub(crate) struct Opened {
    hasher: RandomState,
    kept: Kept<u64, Entry>,
}

struct Entry {
    text: Box<[u8]>,
    record: Arc<Record>,
}

impl Opened {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), kept: Kept::new() }
    }

    /// What `text` holds: from before, or by `open`.
    pub(crate) fn get_or(&self, text: &[u8], now: i64, open: impl FnOnce() -> Option<Record>) -> Option<Arc<Record>> {
        let hash = self.hasher.hash_one(&text[text.len().saturating_sub(HASHED)..]);
        let spread = usize::from(hash.to_le_bytes()[3]);
        let known =
            self.kept.get(spread, &hash, now, |entry| (*entry.text == *text).then(|| Arc::clone(&entry.record)));
        if known.is_some() {
            return known;
        }
        let record = Arc::new(open()?);
        self.kept.put(spread, hash, now, Entry { text: text.into(), record: Arc::clone(&record) });
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{kept::KEPT, record::tests::record};

    #[test]
    fn opens_each_value_once_in_a_while() {
        let opened = Opened::new();
        let first = opened.get_or(b"a", 100, || Some(record())).unwrap();
        assert!(Arc::ptr_eq(&first, &opened.get_or(b"a", 100 + KEPT, || None).unwrap()));
        assert_eq!(opened.get_or(b"b", 100, || None), None, "another value");
        let (one, other) = (format!("1{}", "-".repeat(HASHED)), format!("2{}", "-".repeat(HASHED)));
        opened.get_or(one.as_bytes(), 100, || Some(record())).unwrap();
        assert_eq!(opened.get_or(other.as_bytes(), 100, || None), None, "another value with the same end");
        assert_eq!(opened.get_or(b"a", 101 + KEPT, || None), None, "too old");
    }
}
