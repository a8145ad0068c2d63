//! A cache of decrypted cookies.
//!
//! A page's requests all bring the same cookie. Its record is cached for a short time, keyed by the whole value. Whether
//! the session has ended is not cached, and checked elsewhere each time.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use super::{record::Record, ttl_cache::TtlCache};

/// How many bytes of a value's end are hashed: the authentication tag, which is as good as random. Only authentic
/// values are cached, so no client can cause collisions.
const HASHED: usize = 22;

/// Records by the hash of their cookie value's end. The hash is not hashed again.
#[derive(Debug)]
pub(crate) struct DecryptedCookieCache {
    hasher: RandomState,
    cache: TtlCache<u64, Entry>,
}

struct Entry {
    text: Box<[u8]>,
    record: Arc<Record>,
}

impl DecryptedCookieCache {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), cache: TtlCache::new() }
    }

    /// The record in `text`, from the cache or by `open`.
    pub(crate) fn get_or(&self, text: &[u8], now: i64, open: impl FnOnce() -> Option<Record>) -> Option<Arc<Record>> {
        let hash = self.hasher.hash_one(&text[text.len().saturating_sub(HASHED)..]);
        let spread = usize::from(hash.to_le_bytes()[3]);
        let known =
            self.cache.get(spread, &hash, now, |entry| (*entry.text == *text).then(|| Arc::clone(&entry.record)));
        if known.is_some() {
            return known;
        }
        let record = Arc::new(open()?);
        self.cache.put(spread, hash, now, Entry { text: text.into(), record: Arc::clone(&record) });
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{record::tests::record, ttl_cache::TTL};

    #[test]
    fn opens_each_value_once_in_a_while() {
        let cache = DecryptedCookieCache::new();
        let first = cache.get_or(b"a", 100, || Some(record())).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.get_or(b"a", 100 + TTL, || None).unwrap()));
        assert_eq!(cache.get_or(b"b", 100, || None), None, "another value");
        let (one, other) = (format!("1{}", "-".repeat(HASHED)), format!("2{}", "-".repeat(HASHED)));
        cache.get_or(one.as_bytes(), 100, || Some(record())).unwrap();
        assert_eq!(cache.get_or(other.as_bytes(), 100, || None), None, "another value with the same end");
        assert_eq!(cache.get_or(b"a", 101 + TTL, || None), None, "too old");
    }
}
