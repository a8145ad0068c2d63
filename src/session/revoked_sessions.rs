//! Sessions that have ended before their cookie expires.
//!
//! A copy of a sealed cookie stays valid after the logout, so the server remembers ended sessions until the cookie would
//! have expired in any case.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::{BySession, SessionId};

/// How long an ended session is remembered if the store knows its end as well, in seconds: longer than its requests in
/// flight take.
pub(super) const TTL_WITH_STORE: i64 = 60 * 60;
/// The maximum number of remembered sessions; each takes some 60 bytes.
const MAX: usize = 1_000_000;
/// The minimum number of entries for a sweep.
const SMALL: usize = 1024;

/// The sessions that have ended here, or at other replicas that have sent a notification.
#[derive(Debug)]
pub(crate) struct RevokedSessions {
    state: Mutex<State>,
    max: usize,
}

#[derive(Debug, Default)]
struct State {
    ended: BySession<Ended>,
    /// The number of entries that triggers the next sweep.
    sweep_at: usize,
}

/// Times in seconds since the epoch.
#[derive(Clone, Copy, Debug)]
struct Ended {
    at: i64,
    /// When it is forgotten.
    until: i64,
}

impl Default for RevokedSessions {
    fn default() -> Self {
        Self::with_capacity(MAX)
    }
}

impl RevokedSessions {
    fn with_capacity(max: usize) -> Self {
        Self { state: Mutex::default(), max }
    }

    /// Remembers that a session has ended, until `until` (seconds since the epoch).
    pub(crate) fn add(&self, id: SessionId, until: i64, now: i64) {
        let mut state = self.state();
        let ended = state.ended.entry(id).or_insert(Ended { at: now, until });
        ended.until = ended.until.max(until);
        if state.ended.len() >= state.sweep_at.max(SMALL) || state.ended.len() > self.max {
            state.sweep(now, self.max);
        }
    }

    /// When the session ended, if it has, in seconds since the epoch.
    pub(crate) fn ended_at(&self, id: SessionId) -> Option<i64> {
        self.state().ended.get(&id).map(|ended| ended.at)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets expired entries. If too many are left, also forgets those that expire the soonest.
    fn sweep(&mut self, now: i64, max: usize) {
        self.ended.retain(|_, ended| ended.until > now);
        if self.ended.len() > max {
            // Forgets a tenth at a time, as each sweep visits all entries.
            let too_many = (self.ended.len() - max + max / 10).min(self.ended.len());
            let mut ends: Vec<i64> = self.ended.values().map(|ended| ended.until).collect();
            let (_, &mut last, _) = ends.select_nth_unstable(too_many - 1);
            let mut left = too_many - ends.iter().filter(|until| **until < last).count();
            self.ended.retain(|_, ended| {
                let is_last = ended.until == last && left > 0;
                left -= usize::from(is_last);
                ended.until >= last && !is_last
            });
            tracing::warn!(
                forgotten = too_many,
                "too many ended sessions to remember: copies of their cookies are valid again until they expire; keep \
                 sessions in Redis (`session.store`)"
            );
        }
        self.sweep_at = self.ended.len() * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn remembers_sessions_and_sweeps_expired_ones() {
        let random = Random::seeded(3);
        let revoked = RevokedSessions::default();
        let first = SessionId::random(&random);
        revoked.add(first, 100, 7);
        revoked.add(first, 100, 9);
        assert_eq!(revoked.ended_at(first), Some(7));
        for _ in 0..5_000 {
            revoked.add(SessionId::random(&random), 1_000, 200);
        }
        assert_eq!(revoked.ended_at(first), None);
        assert_eq!(revoked.state().ended.len(), 5_000);
    }

    #[test]
    fn is_bounded_and_forgets_what_ends_the_soonest() {
        let random = Random::seeded(3);
        let revoked = RevokedSessions::with_capacity(2_000);
        let (soon, late) = (SessionId::random(&random), SessionId::random(&random));
        revoked.add(soon, 500, 0);
        revoked.add(late, 9_000, 0);
        for _ in 0..10_000 {
            revoked.add(SessionId::random(&random), 1_000, 0);
            assert!(revoked.state().ended.len() <= 2_000);
        }
        assert_eq!((revoked.ended_at(soon), revoked.ended_at(late)), (None, Some(0)));
    }
}
