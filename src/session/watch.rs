//! Looks after what outlives its request, a WebSocket or an event stream: an end at another replica may have gone
//! unheard, and idleness and age tell nobody.

use std::time::Duration;

use tokio::time::sleep;

use super::{handle::Found, manager::Sessions};

/// How often it is looked.
pub(super) const STEP: Duration = Duration::from_secs(15);

/// What has become of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    GoesOn,
    Ended,
    /// It has been idle for too long, as far as this process knows. The browser may have a later record in its
    /// cookie, by way of another replica.
    Idle,
}

impl Sessions {
    /// What has become of a session that was found.
    pub(super) async fn standing(&self, found: &Found) -> Standing {
        let record = found.live.latest();
        if self.has_ended(record.id) || self.seconds_to_the_end(&record) <= 0 {
            return Standing::Ended;
        }
        match self.is_gone(&record).await {
            Ok(true) => Standing::Ended,
            Ok(false) if self.is_alive(&found.live.latest()) => Standing::GoesOn,
            Ok(false) => Standing::Idle,
            // Who was logged in still is, as far as anybody knows.
            Err(_) => Standing::GoesOn,
        }
    }
}

impl Found {
    /// Waits until the session is known to have ended, and looks at once. Those that are told of it
    /// ([`super::SessionEnds`]) know sooner.
    pub(crate) async fn ended(&self) {
        while self.sessions.standing(self).await != Standing::Ended {
            let left = self.sessions.seconds_to_the_end(&self.live.latest());
            sleep(STEP.min(Duration::from_secs(left.max(1).unsigned_abs()))).await;
        }
    }
}
