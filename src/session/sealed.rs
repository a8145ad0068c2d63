//! Cookie values that were sealed a moment ago.
//!
//! When a session's cookie is due to be written anew, all requests that are under way bring the old one, and
//! each of their answers takes the new one. It is sealed for the first of them, which takes longer than
//! all else that a call costs.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::record::{BySession, Record};

/// For how long, in seconds.
const KEPT: i64 = 30;
/// More than there are cores, so that they seldom wait for one another.
const SHARDS: usize = 16;
/// How many each shard holds at most.
const SHARD_SIZE: usize = 256;

/// The last value sealed for each session.
pub(crate) struct Sealed {
    shards: [Mutex<BySession<Entry>>; SHARDS],
}

struct Entry {
    record: Arc<Record>,
    text: Arc<str>,
    at: i64,
}

impl Sealed {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// What holds `record`: from before, or by `seal`.
    pub(crate) fn get_or(&self, record: &Arc<Record>, now: i64, seal: impl FnOnce() -> String) -> Arc<str> {
        let shard = &self.shards[record.id.spread() % SHARDS];
        let same = |entry: &&Entry| Arc::ptr_eq(&entry.record, record) || entry.record == *record;
        if let Some(entry) = lock(shard).get(&record.id).filter(same) {
            return Arc::clone(&entry.text);
        }
        let text: Arc<str> = seal().into();
        let mut entries = lock(shard);
        if entries.len() >= SHARD_SIZE {
            entries.retain(|_, entry| (0..=KEPT).contains(&(now - entry.at)));
        }
        if entries.len() >= SHARD_SIZE {
            entries.clear();
        }
        entries.insert(record.id, Entry { record: Arc::clone(record), text: Arc::clone(&text), at: now });
        text
    }
}

// A panic while the lock is held cannot leave half a state: each change is one call.
fn lock(shard: &Mutex<BySession<Entry>>) -> MutexGuard<'_, BySession<Entry>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::Random,
        session::{SessionId, record::tests::record},
    };

    #[test]
    fn seals_each_record_once() {
        let sealed = Sealed::new();
        let first = Arc::new(record());
        assert_eq!(&*sealed.get_or(&first, 0, || "one".into()), "one");
        assert_eq!(&*sealed.get_or(&Arc::new(record()), 0, || "two".into()), "one", "the same content");
        let newer = Arc::new(Record { generation: 9, ..record() });
        assert_eq!(&*sealed.get_or(&newer, 0, || "two".into()), "two");
        assert_eq!(&*sealed.get_or(&first, 0, || "three".into()), "three", "one for each session is kept");
    }

    #[test]
    fn is_bounded() {
        let (sealed, random) = (Sealed::new(), Random::seeded(1));
        for _ in 0..10_000 {
            let record = Record { id: SessionId::random(&random), ..record() };
            sealed.get_or(&Arc::new(record), 0, String::new);
        }
        let held: usize = sealed.shards.iter().map(|shard| lock(shard).len()).sum();
        assert!(held <= SHARDS * SHARD_SIZE, "{held}");
    }
}
