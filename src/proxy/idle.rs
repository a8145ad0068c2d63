//! How long a body may stand still.

use std::{task::Context, time::Duration};

use tokio::time::Instant;

use crate::deadline::DeadlineTimer;

/// Notices when nothing has come for a while. It looks at no clock as long as something does.
pub(super) struct IdleTimer {
    limit: Duration,
    /// When something came, or was waited for first.
    last: Option<Instant>,
    timer: DeadlineTimer,
}

impl IdleTimer {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, last: None, timer: DeadlineTimer::default() }
    }

    /// Says that something came.
    pub(super) fn touch(&mut self) {
        if let Some(last) = &mut self.last {
            *last = Instant::now();
        }
    }

    /// Whether the time is up; asks to be woken when it will be.
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> bool {
        let last = *self.last.get_or_insert_with(Instant::now);
        self.timer.poll_expired(last + self.limit, cx)
    }
}
