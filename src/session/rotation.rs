//! Renewed sessions whose new cookie may not have arrived.
//!
//! The answer that carries a renewed cookie can get lost: a phone leaves the network, a tab is closed. The browser
//! comes back with the former cookie then, whose refresh token is spent. So what the API gave last is kept until a
//! request has brought the new cookie, within bounds of time, number and size.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    live::Live,
    record::{BySession, Record, SessionId},
    refresh::GRACE,
};
use crate::clock::Clock;

/// How long the result of a refresh waits for a request with the new cookie.
const UNSEEN: Duration = Duration::from_hours(12);
/// How long it answers requests with the former cookie after that: those were on their way.
const SEEN: Duration = Duration::from_secs(GRACE.unsigned_abs());
/// How many sessions are kept at most.
const MAX_COUNT: usize = 100_000;
/// How much they hold at most, in bytes.
const MAX_SIZE: usize = 128 << 20;

/// The sessions that are kept.
pub(super) struct Rotations {
    clock: Clock,
    bounds: Bounds,
    state: Mutex<State>,
}

/// How much is kept at most.
#[derive(Clone, Copy)]
struct Bounds {
    count: usize,
    /// In bytes.
    size: usize,
}

#[derive(Default)]
struct State {
    kept: BySession<Kept>,
    /// By when they are let go, the soonest first.
    order: BTreeMap<Place, SessionId>,
    size: usize,
    count: u64,
}

/// Until when, in the clock's uptime, and a number that is given once.
type Place = (Duration, u64);

struct Kept {
    place: Place,
    size: usize,
    /// As long as it is held, all requests of the session find its newest record.
    _live: Arc<Live>,
}

impl Rotations {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, bounds: Bounds { count: MAX_COUNT, size: MAX_SIZE }, state: Mutex::default() }
    }

    /// Keeps a session that was renewed just now.
    pub(super) fn keep(&self, live: Arc<Live>) {
        live.expect(true);
        self.put(live, UNSEEN);
    }

    /// The newest cookie was seen, or the browser needs none: only requests on their way may need the session.
    pub(super) fn seen(&self, live: Arc<Live>) {
        live.expect(false);
        self.put(live, SEEN);
    }

    /// Keeps nothing of a session that has ended.
    pub(super) fn forget(&self, id: SessionId) {
        let forgotten = self.state().take(id);
        // Here, as it may lock what else is shared.
        drop(forgotten);
    }

    /// Lets go of sessions whose time is over.
    pub(super) fn let_go(&self) {
        let now = self.clock.uptime();
        let mut gone = Vec::new();
        let mut state = self.state();
        while state.is_past(now) {
            gone.push(state.take_first());
        }
        drop(state);
        drop(gone);
    }

    fn put(&self, live: Arc<Live>, time: Duration) {
        let now = self.clock.uptime();
        let record = live.latest();
        let mut state = self.state();
        let mut gone = vec![state.take(record.id)];
        state.count += 1;
        let kept = Kept { place: (now + time, state.count), size: size(&record), _live: live };
        state.size += kept.size;
        state.order.insert(kept.place, record.id);
        state.kept.insert(record.id, kept);
        while state.is_past(now) || state.is_beyond(self.bounds) {
            gone.push(state.take_first());
        }
        drop(state);
        drop(gone);
    }

    // A panic while the lock is held cannot leave half a state that matters: a session is let go early.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_past(&self, now: Duration) -> bool {
        self.order.first_key_value().is_some_and(|((until, _), _)| *until <= now)
    }

    fn is_beyond(&self, bounds: Bounds) -> bool {
        self.kept.len() > bounds.count || self.size > bounds.size && self.kept.len() > 1
    }

    fn take_first(&mut self) -> Option<Kept> {
        let (_, id) = self.order.pop_first()?;
        self.take(id)
    }

    fn take(&mut self, id: SessionId) -> Option<Kept> {
        let kept = self.kept.remove(&id)?;
        self.order.remove(&kept.place);
        self.size = self.size.saturating_sub(kept.size);
        Some(kept)
    }
}

/// What a record takes in memory, about.
fn size(record: &Record) -> usize {
    let refresh = record.refresh_token.as_ref().map_or(0, |token| token.expose().len());
    size_of::<Record>() + record.access_token.expose().len() + refresh + record.user.len()
}

impl fmt::Debug for Rotations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotations").field("kept", &self.state().kept.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::Random,
        session::{live::LiveSessions, record::tests::record},
    };

    fn enter(sessions: &LiveSessions, random: &Random, user: &str) -> Arc<Live> {
        sessions.enter(&Arc::new(Record { id: SessionId::random(random), user: user.into(), ..record() }))
    }

    fn held(rotations: &Rotations) -> (usize, usize) {
        let state = rotations.state();
        assert_eq!(state.kept.len(), state.order.len());
        (state.kept.len(), state.size)
    }

    #[test]
    fn keeps_a_session_for_half_a_day_or_a_minute_after_its_cookie_was_seen() {
        let (clock, sessions, random) = (Clock::manual(0), LiveSessions::new(), Random::seeded(1));
        let rotations = Rotations::new(clock.clone());
        let (lost, seen) = (enter(&sessions, &random, "{}"), enter(&sessions, &random, "{}"));
        let (lost_id, seen_id) = (lost.latest().id, seen.latest().id);
        rotations.keep(lost);
        rotations.keep(Arc::clone(&seen));
        assert_eq!(held(&rotations).0, 2);
        rotations.seen(seen);
        clock.advance(60);
        rotations.keep(enter(&sessions, &random, "{}"));
        assert!(sessions.find(seen_id).is_none() && sessions.find(lost_id).is_some());
        clock.advance(12 * 60 * 60 - 60);
        rotations.let_go();
        assert!(sessions.find(lost_id).is_none());
        assert_eq!(held(&rotations).0, 1);
    }

    #[test]
    fn keeps_nothing_of_an_ended_session() {
        let (sessions, random) = (LiveSessions::new(), Random::seeded(1));
        let rotations = Rotations::new(Clock::manual(0));
        let live = enter(&sessions, &random, "{}");
        let id = live.latest().id;
        rotations.keep(live);
        rotations.forget(id);
        assert_eq!(held(&rotations), (0, 0));
        assert!(sessions.find(id).is_none());
    }

    #[test]
    fn is_bounded_by_number_and_size() {
        let (sessions, random) = (LiveSessions::new(), Random::seeded(1));
        let bounds = Bounds { count: 100, size: 1 << 20 };
        let rotations = Rotations { bounds, ..Rotations::new(Clock::manual(0)) };
        let first = enter(&sessions, &random, "{}");
        let id = first.latest().id;
        rotations.keep(first);
        for _ in 0..bounds.count {
            rotations.keep(enter(&sessions, &random, "{}"));
        }
        assert_eq!(held(&rotations).0, bounds.count);
        assert!(sessions.find(id).is_none(), "the oldest one goes");
        let large = " ".repeat(bounds.size / 10);
        for _ in 0..bounds.count {
            rotations.keep(enter(&sessions, &random, &large));
        }
        let (count, size) = held(&rotations);
        assert!(count < 10 && size <= bounds.size, "{count} of {size} bytes");
    }
}
