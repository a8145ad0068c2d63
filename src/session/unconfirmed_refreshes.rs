//! Refreshed sessions whose new cookie may not have reached the browser.
//!
//! The response with the new cookie can get lost: a phone leaves the network, a tab is closed. The browser then returns
//! with the previous cookie, whose refresh token is spent. So the newest record is kept until a request has brought the
//! new cookie, within limits of time, number and size.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    in_flight::InFlightSession,
    record::{BySession, Record, SessionId},
};
use crate::clock::Clock;

/// How long requests with the previous cookie get the result of a refresh after the new cookie was seen, in seconds.
pub(super) const GRACE: i64 = 60;
/// How long a session is kept for a request with the new cookie.
const UNCONFIRMED_TTL: Duration = Duration::from_hours(12);
/// How long it is kept after that, for requests with the previous cookie that were on their way.
const CONFIRMED_TTL: Duration = Duration::from_secs(GRACE.unsigned_abs());
/// The maximum number of sessions.
const MAX_COUNT: usize = 100_000;
/// Their maximum size in total, in bytes.
const MAX_SIZE: usize = 128 << 20;

/// Keeps the sessions whose refresh is not confirmed by a request with the new cookie.
pub(super) struct UnconfirmedRefreshes {
    clock: Clock,
    bounds: Bounds,
    state: Mutex<State>,
}

/// The limits.
#[derive(Clone, Copy)]
struct Bounds {
    count: usize,
    /// In bytes.
    size: usize,
}

#[derive(Default)]
struct State {
    entries: BySession<Entry>,
    /// The order of eviction, the soonest first.
    order: BTreeMap<EvictionKey, SessionId>,
    size: usize,
    count: u64,
}

/// The time of eviction, in the clock's uptime, and a unique number.
type EvictionKey = (Duration, u64);

struct Entry {
    eviction_key: EvictionKey,
    size: usize,
    /// While it is held, all requests of the session find its newest record.
    _in_flight: Arc<InFlightSession>,
}

impl UnconfirmedRefreshes {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, bounds: Bounds { count: MAX_COUNT, size: MAX_SIZE }, state: Mutex::default() }
    }

    /// Adds a session that was refreshed just now.
    pub(super) fn add(&self, in_flight: Arc<InFlightSession>) {
        in_flight.set_awaiting_cookie(true);
        self.put(in_flight, UNCONFIRMED_TTL);
    }

    /// Confirms a session: the newest cookie was seen, or the browser needs none. Only requests on their way may still
    /// need it.
    pub(super) fn confirm(&self, in_flight: Arc<InFlightSession>) {
        in_flight.set_awaiting_cookie(false);
        self.put(in_flight, CONFIRMED_TTL);
    }

    /// Removes a session that has ended.
    pub(super) fn forget(&self, id: SessionId) {
        let forgotten = self.state().take(id);
        // Dropped without the lock, as the drop may take other locks.
        drop(forgotten);
    }

    /// Evicts expired sessions.
    pub(super) fn evict_expired(&self) {
        let now = self.clock.uptime();
        let mut evicted = Vec::new();
        let mut state = self.state();
        while state.is_past(now) {
            evicted.push(state.take_first());
        }
        drop(state);
        drop(evicted);
    }

    fn put(&self, in_flight: Arc<InFlightSession>, time: Duration) {
        let now = self.clock.uptime();
        let record = in_flight.latest();
        let mut state = self.state();
        let mut evicted = vec![state.take(record.id)];
        state.count += 1;
        let entry = Entry { eviction_key: (now + time, state.count), size: size(&record), _in_flight: in_flight };
        state.size += entry.size;
        state.order.insert(entry.eviction_key, record.id);
        state.entries.insert(record.id, entry);
        while state.is_past(now) || state.is_beyond(self.bounds) {
            evicted.push(state.take_first());
        }
        drop(state);
        drop(evicted);
    }

    // A panic while the lock is held cannot leave an inconsistent state that matters: a session is evicted early.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_past(&self, now: Duration) -> bool {
        self.order.first_key_value().is_some_and(|((until, _), _)| *until <= now)
    }

    fn is_beyond(&self, bounds: Bounds) -> bool {
        self.entries.len() > bounds.count || self.size > bounds.size && self.entries.len() > 1
    }

    fn take_first(&mut self) -> Option<Entry> {
        let (_, id) = self.order.pop_first()?;
        self.take(id)
    }

    fn take(&mut self, id: SessionId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.order.remove(&entry.eviction_key);
        self.size = self.size.saturating_sub(entry.size);
        Some(entry)
    }
}

/// The approximate size of a record in memory.
fn size(record: &Record) -> usize {
    let refresh = record.refresh_token.as_ref().map_or(0, |token| token.expose().len());
    size_of::<Record>() + record.access_token.expose().len() + refresh + record.user.len()
}

impl fmt::Debug for UnconfirmedRefreshes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnconfirmedRefreshes").field("entries", &self.state().entries.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::Random,
        session::{in_flight::InFlightSessions, record::tests::record},
    };

    fn enter(sessions: &InFlightSessions, random: &Random, user: &str) -> Arc<InFlightSession> {
        sessions.enter(&Arc::new(Record { id: SessionId::random(random), user: user.into(), ..record() }))
    }

    fn held(unconfirmed: &UnconfirmedRefreshes) -> (usize, usize) {
        let state = unconfirmed.state();
        assert_eq!(state.entries.len(), state.order.len());
        (state.entries.len(), state.size)
    }

    #[test]
    fn keeps_a_session_for_half_a_day_or_a_minute_after_its_cookie_was_seen() {
        let (clock, sessions, random) = (Clock::manual(0), InFlightSessions::new(), Random::seeded(1));
        let unconfirmed = UnconfirmedRefreshes::new(clock.clone());
        let (lost, seen) = (enter(&sessions, &random, "{}"), enter(&sessions, &random, "{}"));
        let (lost_id, seen_id) = (lost.latest().id, seen.latest().id);
        unconfirmed.add(lost);
        unconfirmed.add(Arc::clone(&seen));
        assert_eq!(held(&unconfirmed).0, 2);
        unconfirmed.confirm(seen);
        clock.advance(60);
        unconfirmed.add(enter(&sessions, &random, "{}"));
        assert!(sessions.find(seen_id).is_none() && sessions.find(lost_id).is_some());
        clock.advance(12 * 60 * 60 - 60);
        unconfirmed.evict_expired();
        assert!(sessions.find(lost_id).is_none());
        assert_eq!(held(&unconfirmed).0, 1);
    }

    #[test]
    fn removes_an_ended_session() {
        let (sessions, random) = (InFlightSessions::new(), Random::seeded(1));
        let unconfirmed = UnconfirmedRefreshes::new(Clock::manual(0));
        let in_flight = enter(&sessions, &random, "{}");
        let id = in_flight.latest().id;
        unconfirmed.add(in_flight);
        unconfirmed.forget(id);
        assert_eq!(held(&unconfirmed), (0, 0));
        assert!(sessions.find(id).is_none());
    }

    #[test]
    fn is_bounded_by_number_and_size() {
        let (sessions, random) = (InFlightSessions::new(), Random::seeded(1));
        let bounds = Bounds { count: 100, size: 1 << 20 };
        let unconfirmed = UnconfirmedRefreshes { bounds, ..UnconfirmedRefreshes::new(Clock::manual(0)) };
        let first = enter(&sessions, &random, "{}");
        let id = first.latest().id;
        unconfirmed.add(first);
        for _ in 0..bounds.count {
            unconfirmed.add(enter(&sessions, &random, "{}"));
        }
        assert_eq!(held(&unconfirmed).0, bounds.count);
        assert!(sessions.find(id).is_none(), "the oldest one goes");
        let large = " ".repeat(bounds.size / 10);
        for _ in 0..bounds.count {
            unconfirmed.add(enter(&sessions, &random, &large));
        }
        let (count, size) = held(&unconfirmed);
        assert!(count < 10 && size <= bounds.size, "{count} of {size} bytes");
    }
}
