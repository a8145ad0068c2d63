//! Sessions that have ended before their cookie did.
//!
//! A sealed cookie that was copied stays readable after the log-out, so the server remembers which
//! sessions are over, until the cookie could not be used any more in any case.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::record::SessionId;

/// The ended sessions, each with the time until which it is remembered.
#[derive(Debug, Default)]
pub(crate) struct Revoked(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    until: HashMap<SessionId, i64>,
    /// How many entries there may be before the next sweep.
    sweep_at: usize,
}

/// Below this many entries a sweep is not worth its time.
const SMALL: usize = 1024;

impl Revoked {
    /// Remembers that a session is over, until `until` (seconds since the epoch).
    pub(crate) fn add(&self, id: SessionId, until: i64, now: i64) {
        let mut state = self.state();
        state.until.insert(id, until);
        if state.until.len() >= state.sweep_at.max(SMALL) {
            state.until.retain(|_, until| *until > now);
            state.sweep_at = state.until.len() * 2;
        }
    }

    /// Whether the session is over.
    pub(crate) fn contains(&self, id: SessionId) -> bool {
        self.state().until.contains_key(&id)
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
        revoked.add(first, 100, 0);
        assert!(revoked.contains(first));
        for _ in 0..5_000 {
            revoked.add(SessionId::random(&random), 1_000, 200);
        }
        assert!(!revoked.contains(first));
        assert_eq!(revoked.state().until.len(), 5_000);
    }
}
