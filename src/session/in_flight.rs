//! The sessions with requests in flight in this process.
//!
//! A slow request may finish long after another request of the same browser has refreshed the session. All requests of
//! a session share one [`InFlightSession`] with the newest record, so that a late response never overwrites it with an
//! older one.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::record::{BySession, Record, SessionId};

/// More shards than cores, so that lock contention is rare.
const SHARDS: usize = 32;

type Shard = Mutex<BySession<Weak<InFlightSession>>>;

/// The sessions with requests in flight. Clones share one state.
#[derive(Clone)]
pub(crate) struct InFlightSessions(Arc<[Shard; SHARDS]>);

/// One session with requests in flight.
pub(crate) struct InFlightSession {
    id: SessionId,
    latest: Mutex<Arc<Record>>,
    /// Whether the newest cookie has not been seen yet.
    awaiting_cookie: AtomicBool,
    all: InFlightSessions,
    /// Whether the entry stays for a while after its last request, see [`InFlightSession::linger`].
    lingers: AtomicBool,
}

impl InFlightSessions {
    pub(crate) fn new() -> Self {
        Self(Arc::new(std::array::from_fn(|_| Mutex::default())))
    }

    /// The shared entry of the session of `record`, at least as new as `record`.
    pub(crate) fn enter(&self, record: &Arc<Record>) -> Arc<InFlightSession> {
        let mut shard = self.shard(record.id);
        if let Some(in_flight) = shard.get(&record.id).and_then(Weak::upgrade) {
            drop(shard);
            in_flight.learn(record);
            return in_flight;
        }
        let in_flight = Arc::new(InFlightSession {
            id: record.id,
            latest: Mutex::new(Arc::clone(record)),
            awaiting_cookie: AtomicBool::new(false),
            all: self.clone(),
            lingers: AtomicBool::new(false),
        });
        shard.insert(record.id, Arc::downgrade(&in_flight));
        in_flight
    }

    /// Passes a record that may be newer on to the requests in flight.
    pub(crate) fn learn(&self, record: &Arc<Record>) {
        if let Some(in_flight) = self.find(record.id) {
            in_flight.learn(record);
        }
    }

    /// The entry of a session, if it has requests in flight.
    pub(crate) fn find(&self, id: SessionId) -> Option<Arc<InFlightSession>> {
        self.shard(id).get(&id).and_then(Weak::upgrade)
    }

    fn shard(&self, id: SessionId) -> MutexGuard<'_, BySession<Weak<InFlightSession>>> {
        lock(&self.0[id.spread() % SHARDS])
    }
}

impl InFlightSession {
    /// The newest record that this process knows.
    pub(crate) fn latest(&self) -> Arc<Record> {
        Arc::clone(&lock(&self.latest))
    }

    /// Replaces the newest record with the result of `next`.
    pub(crate) fn advance(&self, next: impl FnOnce(&Record) -> Record) -> Arc<Record> {
        let mut latest = lock(&self.latest);
        *latest = Arc::new(next(&latest));
        Arc::clone(&latest)
    }

    /// Keeps the entry for at least `time` after the newest record arrived, for requests that were sent before the
    /// browser had its cookie.
    pub(crate) fn linger(self: &Arc<Self>, time: Duration) {
        if self.lingers.swap(true, Ordering::Relaxed) {
            return;
        }
        let in_flight = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let before = in_flight.latest().generation;
                tokio::time::sleep(time).await;
                if in_flight.latest().generation == before {
                    break;
                }
            }
            in_flight.lingers.store(false, Ordering::Relaxed);
        });
    }

    /// Keeps a record if it is newer.
    pub(crate) fn learn(&self, record: &Arc<Record>) {
        let mut latest = lock(&self.latest);
        if (record.version(), record.last_seen_at) > (latest.version(), latest.last_seen_at) {
            *latest = Arc::clone(record);
        }
    }

    /// Sets whether the newest cookie has not been seen yet.
    pub(super) fn set_awaiting_cookie(&self, awaiting_cookie: bool) {
        self.awaiting_cookie.store(awaiting_cookie, Ordering::Relaxed);
    }

    /// Whether `record` comes from the newest cookie, which has not been seen before.
    pub(super) fn is_first_sight(&self, record: &Record) -> bool {
        self.awaiting_cookie.load(Ordering::Relaxed) && record.generation >= self.latest().generation
    }
}

/// The last request of a session removes its entry.
impl Drop for InFlightSession {
    fn drop(&mut self) {
        let mut shard = self.all.shard(self.id);
        if shard.get(&self.id).is_some_and(|in_flight| in_flight.strong_count() == 0) {
            shard.remove(&self.id);
        }
    }
}

// A panic while the lock is held cannot leave an inconsistent state: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for InFlightSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlightSession").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::tests::record;

    #[test]
    fn shares_the_newest_record_among_requests() {
        let sessions = InFlightSessions::new();
        let first = Arc::new(record());
        let second = Arc::new(Record { generation: 1, ..record() });
        let slow = sessions.enter(&first);
        let quick = sessions.enter(&second);
        assert_eq!(slow.latest(), second);
        quick.learn(&first);
        assert_eq!(slow.latest(), second, "an older record is ignored");
        sessions.learn(&Arc::new(Record { generation: 2, ..record() }));
        assert_eq!(slow.latest().generation, 2);
    }

    #[test]
    fn keeps_nothing_of_sessions_without_requests() {
        let sessions = InFlightSessions::new();
        let record = Arc::new(record());
        let (one, two) = (sessions.enter(&record), sessions.enter(&record));
        drop(one);
        assert_eq!(sessions.shard(record.id).len(), 1);
        drop(two);
        assert!(sessions.shard(record.id).is_empty());
    }
}
