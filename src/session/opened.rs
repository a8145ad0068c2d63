//! Cookies that were opened a moment ago.
//!
//! A page's requests bring the same cookie again and again. What it holds is kept for a little while,
//! by the whole value. Whether the session has ended is asked each time, of others.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use super::record::Record;

/// For how long, in seconds.
const KEPT: i64 = 30;
/// More than there are cores, so that they seldom wait for one another.
const SHARDS: usize = 16;
/// How many each shard holds at most.
const SHARD_SIZE: usize = 256;
/// How much of a value's end is hashed, in bytes: it is the seal's tag, as good as random. Only what
/// bears that seal is kept, so that nobody can make many values with one end.
const HASHED: usize = 22;

/// Opened cookies by the hash of their value's end.
pub(crate) struct Opened {
    hasher: RandomState,
    shards: [Mutex<HashMap<u64, Entry>>; SHARDS],
}

struct Entry {
    text: Box<[u8]>,
    record: Arc<Record>,
    at: i64,
}

impl Opened {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// What `text` holds: from before, or by `open`.
    pub(crate) fn get_or(&self, text: &[u8], now: i64, open: impl FnOnce() -> Option<Record>) -> Option<Arc<Record>> {
        let hash = self.hasher.hash_one(&text[text.len().saturating_sub(HASHED)..]);
        let shard = &self.shards[usize::from(hash.to_le_bytes()[0]) % SHARDS];
        let known = |entry: &&Entry| &*entry.text == text && (0..=KEPT).contains(&(now - entry.at));
        let lock = || shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = lock().get(&hash).filter(known) {
            return Some(Arc::clone(&entry.record));
        }
        let record = Arc::new(open()?);
        let mut entries = lock();
        if entries.len() >= SHARD_SIZE {
            entries.retain(|_, entry| now - entry.at <= KEPT);
        }
        if entries.len() >= SHARD_SIZE {
            entries.clear();
        }
        entries.insert(hash, Entry { text: text.into(), record: Arc::clone(&record), at: now });
        Some(record)
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::tests::record;

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
        assert_eq!(opened.get_or(b"a", 99, || None), None, "the clock was set back");
    }

    #[test]
    fn is_bounded() {
        let opened = Opened::new();
        for number in 0..10_000 {
            opened.get_or(number.to_string().as_bytes(), 0, || Some(record()));
        }
        let held: usize = opened.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(held <= SHARDS * SHARD_SIZE, "{held}");
    }
}
