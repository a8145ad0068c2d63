//! Checks sessions whose WebSocket or event stream outlives its request. A notification from another replica can get
//! lost, and no event marks the end of the idle or absolute lifetime.

use std::time::Duration;

use tokio::time::sleep;

use super::{handle::ResolvedSession, manager::SessionManager};

/// How often the session is checked.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(15);

/// The state of a resolved session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionState {
    /// The session continues.
    Active,
    /// The session has ended for good.
    Ended,
    /// The session has been idle for too long, as far as this process knows. The browser's cookie may hold a later
    /// record, written by another replica.
    Idle,
}

impl SessionManager {
    /// The current state of a resolved session.
    pub(super) async fn state_of(&self, resolved: &ResolvedSession) -> SessionState {
        let record = resolved.in_flight.latest();
        if self.has_ended(record.id) || self.seconds_to_absolute_end(&record) <= 0 {
            return SessionState::Ended;
        }
        match self.has_ended_in_store(&record).await {
            Ok(true) => SessionState::Ended,
            Ok(false) if self.is_alive(&resolved.in_flight.latest()) => SessionState::Active,
            Ok(false) => SessionState::Idle,
            // The store is unavailable: assume that the session continues.
            Err(_) => SessionState::Active,
        }
    }
}

impl ResolvedSession {
    /// Waits until the session is known to have ended; checks at once. Subscribers of
    /// [`super::SessionEndNotifier`] know sooner.
    pub(crate) async fn ended(&self) {
        while self.sessions.state_of(self).await != SessionState::Ended {
            let left = self.sessions.seconds_to_absolute_end(&self.in_flight.latest());
            sleep(CHECK_INTERVAL.min(Duration::from_secs(left.max(1).unsigned_abs()))).await;
        }
    }
}
