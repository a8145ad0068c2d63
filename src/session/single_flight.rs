//! One refresh at a time for each session and generation: concurrent requests wait for its result.
//!
//! A flight stays in the table until it has finished, however long it takes. A success is removed: requests find its
//! record in [`super::in_flight`] first. An error stays for a moment, so that many requests share it and the API gets
//! one call.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, ready},
};

use super::record::{Record, SessionId};
use crate::clock::Clock;

/// Why a session was not refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionRefreshError {
    /// The API refused: the session ends.
    Refused,
    /// The API was unavailable: the session continues with its current tokens.
    Unavailable,
}

/// How long requests share an error without another call.
const ERROR_TTL: Duration = Duration::from_secs(1);

/// The result of a refresh.
pub(super) type RefreshResult = Result<Arc<Record>, SessionRefreshError>;
/// A future of the result of a refresh, shared by its waiters.
pub(super) type SharedRefresh = Shared<BoxFuture<'static, RefreshResult>>;
/// A session and the generation whose refresh token is spent.
pub(super) type FlightKey = (SessionId, u32);

/// The newest record of a session whose refresh is requested.
pub(super) enum NewestRecord {
    /// It has been refreshed in the meantime.
    Refreshed(Arc<Record>),
    /// Its refresh token is to be spent.
    Due(Arc<Record>),
}

/// The refreshes in flight, and those that failed a moment ago.
pub(super) struct SingleFlight {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    flights: HashMap<FlightKey, Flight>,
    /// When expired errors were last removed, in the clock's uptime.
    swept_at: Duration,
}

struct Flight {
    outcome: SharedRefresh,
    /// When it failed, in the clock's uptime; `None` while it is in flight.
    failed_at: Option<Duration>,
}

impl Flight {
    fn is_reusable(&self, now: Duration) -> bool {
        self.failed_at.is_none_or(|at| now < at + ERROR_TTL)
    }
}

impl SingleFlight {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Joins the refresh of the record that `newest` finds if it is in flight or failed a moment ago, else starts one
    /// with `start`. No flight can finish during the decision.
    pub(super) fn join(
        &self,
        newest: impl FnOnce() -> NewestRecord,
        start: impl FnOnce(Arc<Record>) -> SharedRefresh,
    ) -> SharedRefresh {
        let now = self.clock.uptime();
        let mut state = self.state();
        let record = match newest() {
            NewestRecord::Refreshed(record) => return ready(Ok(record)).boxed().shared(),
            NewestRecord::Due(record) => record,
        };
        let key = (record.id, record.generation);
        if let Some(started) = state.flights.get(&key).filter(|started| started.is_reusable(now)) {
            return started.outcome.clone();
        }
        state.sweep(now);
        let outcome = start(record);
        state.flights.insert(key, Flight { outcome: outcome.clone(), failed_at: None });
        outcome
    }

    /// Finishes a flight.
    pub(super) fn finish(&self, key: FlightKey, failed: bool) {
        let now = self.clock.uptime();
        let mut state = self.state();
        if !failed {
            state.flights.remove(&key);
        } else if let Some(started) = state.flights.get_mut(&key) {
            started.failed_at = Some(now);
        }
    }

    /// Marks a flight as failed just now, which delays its start.
    pub(super) fn mark_failed(&self, key: FlightKey) {
        let outcome = ready(Err(SessionRefreshError::Unavailable)).boxed().shared();
        let failed_at = Some(self.clock.uptime());
        self.state().flights.insert(key, Flight { outcome, failed_at });
    }

    // A panic while the lock is held cannot leave an inconsistent state: each change is one call.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Removes expired errors, once in a while.
    fn sweep(&mut self, now: Duration) {
        if now >= self.swept_at + ERROR_TTL {
            self.flights.retain(|_, started| started.is_reusable(now));
            self.swept_at = now;
        }
    }
}

impl fmt::Debug for SingleFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::session::record::tests::record;

    fn failed() -> SharedRefresh {
        ready(Err(SessionRefreshError::Unavailable)).boxed().shared()
    }

    fn pending() -> SharedRefresh {
        std::future::pending().boxed().shared()
    }

    /// Joins with a record that is due. Returns whether that started a flight.
    fn starts(single_flight: &SingleFlight, record: &Arc<Record>, outcome: fn() -> SharedRefresh) -> bool {
        let started = Cell::new(false);
        let start = |_| {
            started.set(true);
            outcome()
        };
        drop(single_flight.join(|| NewestRecord::Due(Arc::clone(record)), start));
        started.get()
    }

    #[test]
    fn a_flight_is_joined_however_long_it_takes() {
        let clock = Clock::manual(0);
        let (single_flight, one) = (SingleFlight::new(clock.clone()), Arc::new(record()));
        let next = Arc::new(Record { generation: 1, ..record() });
        assert!(starts(&single_flight, &one, pending));
        assert!(starts(&single_flight, &next, failed), "another generation is another flight");
        single_flight.finish((next.id, 1), true);
        clock.advance(3_600);
        assert!(!starts(&single_flight, &one, pending));
        assert!(starts(&single_flight, &next, failed), "which also sweeps");
        assert!(!starts(&single_flight, &one, pending));
        single_flight.finish((one.id, 0), false);
        assert!(starts(&single_flight, &one, pending), "it has finished");
    }

    #[test]
    fn an_error_is_shared_for_a_second() {
        let clock = Clock::manual(0);
        let (single_flight, one) = (SingleFlight::new(clock.clone()), Arc::new(record()));
        assert!(starts(&single_flight, &one, failed));
        single_flight.finish((one.id, 0), true);
        assert!(!starts(&single_flight, &one, failed));
        clock.advance(-300);
        assert!(!starts(&single_flight, &one, failed), "a clock that is set back does not matter");
        clock.advance(1);
        assert!(starts(&single_flight, &one, failed));
        single_flight.finish((one.id, 0), true);
        single_flight.mark_failed((one.id, 1));
        assert!(!starts(&single_flight, &Arc::new(Record { generation: 1, ..record() }), failed));
        clock.advance(2);
        assert!(starts(&single_flight, &one, failed));
        assert_eq!(single_flight.state().flights.len(), 1, "the other one is removed");
    }
}
