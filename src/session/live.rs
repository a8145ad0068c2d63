//! What this process knows of the sessions that have requests under way.
//!
//! A slow request may answer long after another one of the same browser has renewed the session.
//! All requests of a session share one [`Live`], in which the newest record is noted, so that a late
//! answer never puts an older one over it.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::record::{BySession, Record, SessionId};

/// More than there are cores, so that they seldom wait for one another.
const SHARDS: usize = 32;

type Shard = Mutex<BySession<Weak<Live>>>;

/// The sessions with requests under way. Clones share one state.
#[derive(Clone)]
pub(crate) struct LiveSessions(Arc<[Shard; SHARDS]>);

/// One session with requests under way.
pub(crate) struct Live {
    id: SessionId,
    latest: Mutex<Arc<Record>>,
    /// Whether the newest cookie has not been seen yet.
    expected: AtomicBool,
    all: LiveSessions,
    /// Whether it is kept for a while after its last request, see [`Live::linger`].
    lingers: AtomicBool,
}

impl LiveSessions {
    pub(crate) fn new() -> Self {
        Self(Arc::new(std::array::from_fn(|_| Mutex::default())))
    }

    /// What is shared by the requests of the session of `record`, which is as new as it is.
    pub(crate) fn enter(&self, record: &Arc<Record>) -> Arc<Live> {
        let mut shard = self.shard(record.id);
        if let Some(live) = shard.get(&record.id).and_then(Weak::upgrade) {
            drop(shard);
            live.learn(record);
            return live;
        }
        let live = Arc::new(Live {
            id: record.id,
            latest: Mutex::new(Arc::clone(record)),
            expected: AtomicBool::new(false),
            all: self.clone(),
            lingers: AtomicBool::new(false),
        });
        shard.insert(record.id, Arc::downgrade(&live));
        live
    }

    /// Notes a record that may be newer than what the requests under way know.
    pub(crate) fn learn(&self, record: &Arc<Record>) {
        if let Some(live) = self.find(record.id) {
            live.learn(record);
        }
    }

    /// The session of that name, if there are requests of it under way.
    pub(crate) fn find(&self, id: SessionId) -> Option<Arc<Live>> {
        self.shard(id).get(&id).and_then(Weak::upgrade)
    }

    fn shard(&self, id: SessionId) -> MutexGuard<'_, BySession<Weak<Live>>> {
        lock(&self.0[id.spread() % SHARDS])
    }
}

impl Live {
    /// The newest record that this process knows.
    pub(crate) fn latest(&self) -> Arc<Record> {
        Arc::clone(&lock(&self.latest))
    }

    /// Makes the next record of the newest one, and notes it.
    pub(crate) fn advance(&self, next: impl FnOnce(&Record) -> Record) -> Arc<Record> {
        let mut latest = lock(&self.latest);
        *latest = Arc::new(next(&latest));
        Arc::clone(&latest)
    }

    /// Stays for at least `time` after the newest record came: requests that were sent before the browser had its
    /// cookie are still to find it.
    pub(crate) fn linger(self: &Arc<Self>, time: Duration) {
        if self.lingers.swap(true, Ordering::Relaxed) {
            return;
        }
        let live = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let before = live.latest().generation;
                tokio::time::sleep(time).await;
                if live.latest().generation == before {
                    break;
                }
            }
            live.lingers.store(false, Ordering::Relaxed);
        });
    }

    /// Notes a record, if it is newer.
    pub(crate) fn learn(&self, record: &Arc<Record>) {
        let mut latest = lock(&self.latest);
        if (record.version(), record.last_seen_at) > (latest.version(), latest.last_seen_at) {
            *latest = Arc::clone(record);
        }
    }

    /// Notes whether the newest cookie is still to be seen.
    pub(super) fn expect(&self, expected: bool) {
        self.expected.store(expected, Ordering::Relaxed);
    }

    /// Whether `record` is what the newest cookie holds, and it was not seen before.
    pub(super) fn is_first_sight(&self, record: &Record) -> bool {
        self.expected.load(Ordering::Relaxed) && record.generation >= self.latest().generation
    }
}

/// The last request to leave takes the entry away.
impl Drop for Live {
    fn drop(&mut self) {
        let mut shard = self.all.shard(self.id);
        if shard.get(&self.id).is_some_and(|live| live.strong_count() == 0) {
            shard.remove(&self.id);
        }
    }
}

// A panic while the lock is held cannot leave half a state: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::tests::record;

    #[test]
    fn shares_the_newest_record_among_requests() {
        let sessions = LiveSessions::new();
        let first = Arc::new(record());
        let second = Arc::new(Record { generation: 1, ..record() });
        let slow = sessions.enter(&first);
        let quick = sessions.enter(&second);
        assert_eq!(slow.latest(), second);
        quick.learn(&first);
        assert_eq!(slow.latest(), second, "an older one is no news");
        sessions.learn(&Arc::new(Record { generation: 2, ..record() }));
        assert_eq!(slow.latest().generation, 2);
    }

    #[test]
    fn keeps_nothing_of_sessions_without_requests() {
        let sessions = LiveSessions::new();
        let record = Arc::new(record());
        let (one, two) = (sessions.enter(&record), sessions.enter(&record));
        drop(one);
        assert_eq!(sessions.shard(record.id).len(), 1);
        drop(two);
        assert!(sessions.shard(record.id).is_empty());
    }
}
