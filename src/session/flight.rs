//! One refresh at a time for each session and generation: requests that come meanwhile wait for its result.
//!
//! A flight stays in the table until it has ended, however long it takes. A success leaves the table: its record is
//! where all requests look first ([`super::live`]). A failure stays for a moment, so that a crowd of requests gets
//! one answer and the API one call.

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

use super::{
    record::{Record, SessionId},
    refresh::Failed,
};
use crate::clock::Clock;

/// How long a failure answers requests without another call.
const FAILURE_KEPT: Duration = Duration::from_secs(1);

/// What a refresh brings.
pub(super) type Outcome = Result<Arc<Record>, Failed>;
/// Waits for the outcome of a refresh.
pub(super) type Waiting = Shared<BoxFuture<'static, Outcome>>;
/// A session with the generation whose refresh token is being spent.
pub(super) type Flight = (SessionId, u32);

/// The newest record of a session that is to be renewed.
pub(super) enum Newest {
    /// It has been renewed meanwhile.
    Renewed(Arc<Record>),
    /// Its refresh token is the one to spend.
    Due(Arc<Record>),
}

/// The refreshes under way, and those that failed a moment ago.
pub(super) struct Flights {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    flights: HashMap<Flight, Started>,
    /// When failures that are too old were last removed, in the clock's uptime.
    swept_at: Duration,
}

struct Started {
    outcome: Waiting,
    /// When it failed, in the clock's uptime; `None` while it is under way.
    failed_at: Option<Duration>,
}

impl Started {
    fn is_good(&self, now: Duration) -> bool {
        self.failed_at.is_none_or(|at| now < at + FAILURE_KEPT)
    }
}

impl Flights {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Waits for the refresh of the record that `newest` finds: for the one under way or failed a moment ago, else for
    /// the one that `start` starts. No flight lands while it decides.
    pub(super) fn join(&self, newest: impl FnOnce() -> Newest, start: impl FnOnce(Arc<Record>) -> Waiting) -> Waiting {
        let now = self.clock.uptime();
        let mut state = self.state();
        let record = match newest() {
            Newest::Renewed(record) => return ready(Ok(record)).boxed().shared(),
            Newest::Due(record) => record,
        };
        let flight = (record.id, record.generation);
        if let Some(started) = state.flights.get(&flight).filter(|started| started.is_good(now)) {
            return started.outcome.clone();
        }
        state.sweep(now);
        let outcome = start(record);
        state.flights.insert(flight, Started { outcome: outcome.clone(), failed_at: None });
        outcome
    }

    /// Notes the end of a flight.
    pub(super) fn land(&self, flight: Flight, failed: bool) {
        let now = self.clock.uptime();
        let mut state = self.state();
        if !failed {
            state.flights.remove(&flight);
        } else if let Some(started) = state.flights.get_mut(&flight) {
            started.failed_at = Some(now);
        }
    }

    /// Puts a flight off as if it had failed just now.
    pub(super) fn put_off(&self, flight: Flight) {
        let outcome = ready(Err(Failed::Unavailable)).boxed().shared();
        let failed_at = Some(self.clock.uptime());
        self.state().flights.insert(flight, Started { outcome, failed_at });
    }

    // A panic while the lock is held cannot leave half a state: each change is one call.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Removes failures that are too old, once in a while.
    fn sweep(&mut self, now: Duration) {
        if now >= self.swept_at + FAILURE_KEPT {
            self.flights.retain(|_, started| started.is_good(now));
            self.swept_at = now;
        }
    }
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::session::record::tests::record;

    fn failed() -> Waiting {
        ready(Err(Failed::Unavailable)).boxed().shared()
    }

    fn pending() -> Waiting {
        std::future::pending().boxed().shared()
    }

    /// Joins with a record that is due; tells whether that started a flight.
    fn starts(flights: &Flights, record: &Arc<Record>, outcome: fn() -> Waiting) -> bool {
        let started = Cell::new(false);
        let start = |_| {
            started.set(true);
            outcome()
        };
        drop(flights.join(|| Newest::Due(Arc::clone(record)), start));
        started.get()
    }

    #[test]
    fn a_flight_is_joined_however_long_it_takes() {
        let clock = Clock::manual(0);
        let (flights, one) = (Flights::new(clock.clone()), Arc::new(record()));
        let next = Arc::new(Record { generation: 1, ..record() });
        assert!(starts(&flights, &one, pending));
        assert!(starts(&flights, &next, failed), "another generation is another flight");
        flights.land((next.id, 1), true);
        clock.advance(3_600);
        assert!(!starts(&flights, &one, pending));
        assert!(starts(&flights, &next, failed), "which also sweeps");
        assert!(!starts(&flights, &one, pending));
        flights.land((one.id, 0), false);
        assert!(starts(&flights, &one, pending), "it has landed");
    }

    #[test]
    fn a_failure_answers_for_a_second() {
        let clock = Clock::manual(0);
        let (flights, one) = (Flights::new(clock.clone()), Arc::new(record()));
        assert!(starts(&flights, &one, failed));
        flights.land((one.id, 0), true);
        assert!(!starts(&flights, &one, failed));
        clock.advance(-300);
        assert!(!starts(&flights, &one, failed), "a clock that is set back says nothing");
        clock.advance(1);
        assert!(starts(&flights, &one, failed));
        flights.land((one.id, 0), true);
        flights.put_off((one.id, 1));
        assert!(!starts(&flights, &Arc::new(Record { generation: 1, ..record() }), failed));
        clock.advance(2);
        assert!(starts(&flights, &one, failed));
        assert_eq!(flights.state().flights.len(), 1, "nothing is left of the other");
    }
}
