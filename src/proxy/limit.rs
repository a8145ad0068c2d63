//! How many calls may be under way at once, in all and per session.

use std::{
    collections::hash_map::Entry,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::session::{BySession, SessionId};

/// Sessions are counted in several maps, so that cores seldom wait for each other.
const SHARDS: usize = 16;

type Shard = Mutex<BySession<usize>>;

/// Counts the calls under way. A limit of 0 is none.
pub(super) struct Limits {
    max: usize,
    max_per_session: usize,
    all: AtomicUsize,
    sessions: [Shard; SHARDS],
}

/// The right to one call; gives it back when dropped.
pub(super) struct Permit {
    limits: Arc<Limits>,
    session: Option<SessionId>,
}

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Busy {
    /// The server has as many calls under way as it may have.
    Server,
    /// The session has.
    Session,
}

impl Limits {
    pub(super) fn new(max: usize, max_per_session: usize) -> Self {
        let or_none = |limit: usize| if limit == 0 { usize::MAX } else { limit };
        Self {
            max: or_none(max),
            max_per_session: or_none(max_per_session),
            all: AtomicUsize::new(0),
            sessions: std::array::from_fn(|_| Shard::default()),
        }
    }

    /// Takes the right to one call.
    ///
    /// # Errors
    /// When as many as may be are under way.
    pub(super) fn enter(self: &Arc<Self>, session: Option<SessionId>) -> Result<Permit, Busy> {
        // Counted first and given back when too many: two at once never both slip in.
        if self.all.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.all.fetch_sub(1, Ordering::Relaxed);
            return Err(Busy::Server);
        }
        let counted = session.filter(|_| self.max_per_session != usize::MAX);
        let permit = Permit { limits: Arc::clone(self), session: None };
        if let Some(id) = counted {
            let mut shard = self.shard(id);
            let count = shard.entry(id).or_insert(0);
            if *count >= self.max_per_session {
                return Err(Busy::Session);
            }
            *count += 1;
        }
        Ok(permit.of(counted))
    }

    fn shard(&self, id: SessionId) -> MutexGuard<'_, BySession<usize>> {
        // A panic while the lock is held cannot leave half a state: each change is one step.
        self.sessions[id.spread() % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    fn of(mut self, session: Option<SessionId>) -> Self {
        self.session = session;
        self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limits.all.fetch_sub(1, Ordering::Relaxed);
        let Some(id) = self.session else { return };
        if let Entry::Occupied(mut entry) = self.limits.shard(id).entry(id) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("under_way", &self.all).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn gives_each_right_back() {
        let limits = Arc::new(Limits::new(2, 0));
        let permits = [limits.enter(None).ok(), limits.enter(None).ok()];
        assert!(permits.iter().all(Option::is_some));
        assert_eq!(limits.enter(None).err(), Some(Busy::Server));
        drop(permits);
        assert!(limits.enter(None).is_ok());
    }

    #[test]
    fn counts_each_session_alone_and_forgets_the_idle() {
        let random = Random::seeded(1);
        let (one, two) = (Some(SessionId::random(&random)), Some(SessionId::random(&random)));
        let limits = Arc::new(Limits::new(10, 1));
        let permit = limits.enter(one).ok();
        assert_eq!(limits.enter(one).err(), Some(Busy::Session));
        assert!(limits.enter(two).is_ok() && limits.enter(None).is_ok());
        drop(permit);
        assert!(limits.enter(one).is_ok());
        assert!(limits.sessions.iter().all(|shard| shard.lock().unwrap().is_empty()));
        assert_eq!(limits.all.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn has_no_limit_at_zero() {
        let limits = Arc::new(Limits::new(0, 0));
        let permits: Vec<_> = (0..1_000).filter_map(|_| limits.enter(None).ok()).collect();
        assert_eq!(permits.len(), 1_000);
    }
}
