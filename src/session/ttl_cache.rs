//! A bounded cache with a short time to live.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasherDefault, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::record::IdHasher;

/// The time to live of an entry, in seconds.
pub(super) const TTL: i64 = 30;
/// More shards than cores, so that lock contention is rare.
const SHARDS: usize = 16;
/// The maximum number of entries per shard.
const SHARD_SIZE: usize = 256;

/// A cache by keys that are as good as random. So is `spread`, a number derived from the key that selects the shard.
pub(super) struct TtlCache<K, V> {
    shards: [Mutex<Shard<K, V>>; SHARDS],
}

type Shard<K, V> = HashMap<K, Entry<V>, BuildHasherDefault<IdHasher>>;

struct Entry<V> {
    value: V,
    at: i64,
}

impl<V> Entry<V> {
    /// Whether the entry is valid at `now`. It is not if the clock was set back.
    fn is_fresh(&self, now: i64) -> bool {
        (0..=TTL).contains(&(now - self.at))
    }
}

impl<K: Eq + Hash, V> TtlCache<K, V> {
    pub(super) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// The result of `found` for the value of `key`, if the cache has it.
    pub(super) fn get<T>(&self, spread: usize, key: &K, now: i64, found: impl FnOnce(&V) -> Option<T>) -> Option<T> {
        self.lock(spread).get(key).filter(|entry| entry.is_fresh(now)).and_then(|entry| found(&entry.value))
    }

    /// Caches a value from `now` on.
    pub(super) fn put(&self, spread: usize, key: K, now: i64, value: V) {
        let mut entries = self.lock(spread);
        if entries.len() >= SHARD_SIZE {
            entries.retain(|_, entry| entry.is_fresh(now));
        }
        if entries.len() >= SHARD_SIZE {
            entries.clear();
        }
        entries.insert(key, Entry { value, at: now });
    }

    // A panic while the lock is held cannot leave an inconsistent state: each change is one call.
    fn lock(&self, spread: usize) -> MutexGuard<'_, Shard<K, V>> {
        self.shards[spread % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> fmt::Debug for TtlCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TtlCache")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_for_a_while() {
        let cache = TtlCache::new();
        let get = |cache: &TtlCache<u64, i32>, now| cache.get(0, &7, now, |value| Some(*value));
        assert_eq!(get(&cache, 100), None);
        cache.put(0, 7, 100, 1);
        assert_eq!((get(&cache, 100), get(&cache, 100 + TTL)), (Some(1), Some(1)));
        assert_eq!(get(&cache, 101 + TTL), None, "too old");
        assert_eq!(get(&cache, 99), None, "the clock was set back");
        assert_eq!(cache.get(0, &7, 100, |_| None::<()>), None, "not what was looked for");
    }

    #[test]
    fn is_bounded() {
        let cache = TtlCache::new();
        for number in 0..10_000_usize {
            cache.put(number, number, 0, ());
        }
        let held: usize = (0..SHARDS).map(|shard| cache.lock(shard).len()).sum();
        assert!(held <= SHARDS * SHARD_SIZE, "{held}");
        assert_eq!(cache.get(9_999, &9_999, 0, |()| Some(())), Some(()), "the last one is there");
    }
}
