//! Sessions that have ended before their cookie did.
//!
//! A sealed cookie that was copied stays readable after the log-out, so the server remembers which
//! sessions are over, until the cookie could not be used any more in any case.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::{BySession, SessionId};

/// How long an end is remembered that the store of sessions knows as well, in seconds: longer than requests that
/// were under way then.
pub(super) const KEPT_BESIDES_A_STORE: i64 = 60 * 60;
/// How many ends are remembered at most; each takes some 60 bytes.
const MAX: usize = 1_000_000;
/// Below this many entries a sweep is not worth its time.
const SMALL: usize = 1024;

/// The ended sessions. Those that end here are noted, and those of other replicas when they tell.
#[derive(Debug)]
pub(crate) struct Revoked {
    state: Mutex<State>,
    max: usize,
}

#[derive(Debug, Default)]
struct State {
    ended: BySession<Ended>,
    /// How many entries there may be before the next sweep.
    sweep_at: usize,
}

/// In seconds since the epoch.
#[derive(Clone, Copy, Debug)]
struct Ended {
    at: i64,
    /// Until when it is remembered.
    until: i64,
}

impl Default for Revoked {
    fn default() -> Self {
        Self::with_room_for(MAX)
    }
}

impl Revoked {
    fn with_room_for(max: usize) -> Self {
        Self { state: Mutex::default(), max }
    }

    /// Remembers that a session is over, until `until` (seconds since the epoch).
    pub(crate) fn add(&self, id: SessionId, until: i64, now: i64) {
        let mut state = self.state();
        let ended = state.ended.entry(id).or_insert(Ended { at: now, until });
        ended.until = ended.until.max(until);
        if state.ended.len() >= state.sweep_at.max(SMALL) || state.ended.len() > self.max {
            state.sweep(now, self.max);
        }
    }

    /// When the session ended, if it is over: in seconds since the epoch.
    pub(crate) fn ended_at(&self, id: SessionId) -> Option<i64> {
        self.state().ended.get(&id).map(|ended| ended.at)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets what is past, and of too many those that are past the soonest.
    fn sweep(&mut self, now: i64, max: usize) {
        self.ended.retain(|_, ended| ended.until > now);
        if self.ended.len() > max {
            // A tenth at a time, as it takes a look at all of them.
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
                "more sessions have ended than are remembered: a copy of their cookies works again until it expires; \
                 keep sessions in Redis (`session.store`)"
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
    fn remembers_and_sweeps_what_is_past() {
        let random = Random::seeded(3);
        let revoked = Revoked::default();
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
        let revoked = Revoked::with_room_for(2_000);
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
