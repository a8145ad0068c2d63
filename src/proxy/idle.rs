//! How long a body may stand still.

use std::{future::Future, pin::Pin, task::Context, time::Duration};

use tokio::time::{Instant, Sleep, sleep_until};

/// Notices when nothing has come for a while. It sets no timer as long as something does.
pub(super) struct IdleTimer {
    limit: Duration,
    last: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl IdleTimer {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, last: Instant::now(), sleep: None }
    }

    /// Says that something came.
    pub(super) fn touch(&mut self) {
        if self.sleep.is_some() {
            self.last = Instant::now();
        }
    }

    /// Whether the time is up; asks to be woken when it will be.
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> bool {
        let limit = self.limit;
        let sleep = self.sleep.get_or_insert_with(|| {
            self.last = Instant::now();
            Box::pin(sleep_until(self.last + limit))
        });
        while sleep.as_mut().poll(cx).is_ready() {
            if self.last.elapsed() >= limit {
                return true;
            }
            // Something came since the timer was set: it runs on from there.
            sleep.as_mut().reset(self.last + limit);
        }
        false
    }
}
