//! HTTP/2 streams. A stream whose window the client keeps closed is reset.
//!
//! A stream that may not send does not block a write of the socket, and hyper has no deadline for it. It is detected
//! indirectly: while hyper waits for the window, it polls neither the service nor the body.

use std::{
    cell::Cell,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tokio::{task::spawn_local, time::Instant};
use vestibule::deadline::DeadlineTimer;

thread_local! {
    static LAST_POLL: Cell<ResponsePoll> = const { Cell::new(ResponsePoll::None) };
}

/// The result of the last poll of the response, while its stream was polled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ResponsePoll {
    /// Not polled: the stream waits for the client.
    None,
    /// Data was ready, and the stream now waits for the client.
    Ready,
    /// The response has no data yet.
    Pending,
}

/// Records a poll of a response, for the stream that is being polled right now.
pub(super) fn record_poll(pending: bool) {
    LAST_POLL.set(if pending { ResponsePoll::Pending } else { ResponsePoll::Ready });
}

/// Runs streams on this thread.
#[derive(Clone)]
pub(super) struct Http2Executor {
    limit: Duration,
}

impl Http2Executor {
    /// Resets streams that could not send for `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<F: Future + 'static> Executor<F> for Http2Executor {
    fn execute(&self, stream: F) {
        spawn_local(Http2Stream { work: stream, limit: self.limit, deadline: None, timer: DeadlineTimer::default() });
    }
}

pin_project! {
    /// One stream. If it ends early, it is reset.
    struct Http2Stream<F> {
        #[pin]
        work: F,
        limit: Duration,
        // When the client has to have taken the last data.
        deadline: Option<Instant>,
        timer: DeadlineTimer,
    }
}

impl<F: Future> Future for Http2Stream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        LAST_POLL.set(ResponsePoll::None);
        if this.work.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let deadline = match LAST_POLL.get() {
            ResponsePoll::Pending => None,
            ResponsePoll::Ready => Some(Instant::now() + *this.limit),
            ResponsePoll::None => *this.deadline,
        };
        *this.deadline = deadline;
        match deadline {
            Some(deadline) if this.timer.poll_expired(deadline, cx) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}
