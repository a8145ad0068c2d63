//! A table of what is kept for a little while, and that never grows beyond its bounds.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasherDefault, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::record::IdHasher;

/// For how long, in seconds.
pub(super) const KEPT: i64 = 30;
/// More than there are cores, so that they seldom wait for one another.
const SHARDS: usize = 16;
/// How many each shard holds at most.
const SHARD_SIZE: usize = 256;

/// Values by keys that are as good as random, and so is `spread`, a number of the key.
pub(super) struct Kept<K, V> {
    shards: [Mutex<Shard<K, V>>; SHARDS],
}

type Shard<K, V> = HashMap<K, Entry<V>, BuildHasherDefault<IdHasher>>;

struct Entry<V> {
    value: V,
    at: i64,
}

impl<V> Entry<V> {
    /// Whether it is still good at `now`. A clock that was set back says nothing.
    fn is_fresh(&self, now: i64) -> bool {
        (0..=KEPT).contains(&(now - self.at))
    }
}

impl<K: Eq + Hash, V> Kept<K, V> {
    pub(super) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// What `found` takes from the value of `key`, if there is one.
    pub(super) fn get<T>(&self, spread: usize, key: &K, now: i64, found: impl FnOnce(&V) -> Option<T>) -> Option<T> {
        self.lock(spread).get(key).filter(|entry| entry.is_fresh(now)).and_then(|entry| found(&entry.value))
    }

    /// Keeps a value from `now` on.
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

    // A panic while the lock is held cannot leave half a state: each change is one call.
    fn lock(&self, spread: usize) -> MutexGuard<'_, Shard<K, V>> {
        self.shards[spread % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> fmt::Debug for Kept<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_for_a_while() {
        let kept = Kept::new();
        let get = |kept: &Kept<u64, i32>, now| kept.get(0, &7, now, |value| Some(*value));
        assert_eq!(get(&kept, 100), None);
        kept.put(0, 7, 100, 1);
        assert_eq!((get(&kept, 100), get(&kept, 100 + KEPT)), (Some(1), Some(1)));
        assert_eq!(get(&kept, 101 + KEPT), None, "too old");
        assert_eq!(get(&kept, 99), None, "the clock was set back");
        assert_eq!(kept.get(0, &7, 100, |_| None::<()>), None, "not what was looked for");
    }

    #[test]
    fn is_bounded() {
        let kept = Kept::new();
        for number in 0..10_000_usize {
            kept.put(number, number, 0, ());
        }
        let held: usize = (0..SHARDS).map(|shard| kept.lock(shard).len()).sum();
        assert!(held <= SHARDS * SHARD_SIZE, "{held}");
        assert_eq!(kept.get(9_999, &9_999, 0, |()| Some(())), Some(()), "the last one is there");
    }
}
