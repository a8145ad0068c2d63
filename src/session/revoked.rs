//! Sessions that have ended before their cookie did.
//!
//! A sealed cookie that was copied stays readable after the log-out, so the server remembers which
//! sessions are over, until the cookie could not be used any more in any case.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::{BySession, SessionId};

/// The ended sessions. Those that end here are noted, and those of other replicas when they tell.
#[derive(Debug, Default)]
pub(crate) struct Revoked(Mutex<State>);

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

/// Below this many entries a sweep is not worth its time.
const SMALL: usize = 1024;

impl Revoked {
    /// Remembers that a session is over, until `until` (seconds since the epoch).
    pub(crate) fn add(&self, id: SessionId, until: i64, now: i64) {
        let mut state = self.state();
        let ended = state.ended.entry(id).or_insert(Ended { at: now, until });
        ended.until = ended.until.max(until);
        if state.ended.len() >= state.sweep_at.max(SMALL) {
            state.ended.retain(|_, ended| ended.until > now);
            state.sweep_at = state.ended.len() * 2;
        }
    }

    /// When the session ended, if it is over: in seconds since the epoch.
    pub(crate) fn ended_at(&self, id: SessionId) -> Option<i64> {
        self.state().ended.get(&id).map(|ended| ended.at)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}
