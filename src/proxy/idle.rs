//! How long a body may stand still.

use std::{future::Future, pin::Pin, task::Context, time::Duration};

use tokio::time::{Instant, Sleep, sleep_until};

/// Notices when nothing has come for a while. It looks at no clock as long as something does.
pub(super) struct IdleTimer {
    limit: Duration,
    /// Set when something was waited for.
    running: Option<Running>,
}

struct Running {
    /// When something came, or was waited for first.
    last: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl IdleTimer {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, running: None }
    }

    /// Says that something came.
    pub(super) fn touch(&mut self) {
        if let Some(running) = &mut self.running {
            running.last = Instant::now();
        }
    }

    /// Whether the time is up; asks to be woken when it will be.
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> bool {
        let limit = self.limit;
        let running = self.running.get_or_insert_with(|| {
            let last = Instant::now();
            Running { last, sleep: Box::pin(sleep_until(last + limit)) }
        });
        while running.sleep.as_mut().poll(cx).is_ready() {
            if running.last.elapsed() >= limit {
                return true;
            }
            // Something came since the timer was set: it runs on from there.
            running.sleep.as_mut().reset(running.last + limit);
        }
        false
    }
}
