//! The streams of HTTP/2: one whose window the client leaves shut is given up.
//!
//! A stream that may not send is no blocked write of the socket, and hyper has no deadline for it. It shows by what
//! hyper does not do: while it waits for the window it polls neither the service nor the body.

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
    static LAST: Cell<Step> = const { Cell::new(Step::Nothing) };
}

/// What the response was last asked for, while its stream was polled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nothing: the stream waits for the client.
    Nothing,
    /// It gave something, and waits for the client now.
    Gave,
    /// It has nothing yet.
    Waits,
}

/// Notes that a response was asked, for the stream that is polled right now.
pub(super) fn note(waits: bool) {
    LAST.set(if waits { Step::Waits } else { Step::Gave });
}

/// Runs streams on this thread.
#[derive(Clone)]
pub(super) struct Streams {
    limit: Duration,
}

impl Streams {
    /// Gives streams up that could not send for `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<F: Future + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        spawn_local(Stream { work: stream, limit: self.limit, deadline: None, alarm: DeadlineTimer::default() });
    }
}

pin_project! {
    /// One stream. When it ends early it is reset.
    struct Stream<F> {
        #[pin]
        work: F,
        limit: Duration,
        // Until when the client has to take what was given last.
        deadline: Option<Instant>,
        alarm: DeadlineTimer,
    }
}

impl<F: Future> Future for Stream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        LAST.set(Step::Nothing);
        if this.work.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let deadline = match LAST.get() {
            Step::Waits => None,
            Step::Gave => Some(Instant::now() + *this.limit),
            Step::Nothing => *this.deadline,
        };
        *this.deadline = deadline;
        match deadline {
            Some(deadline) if this.alarm.is_due(deadline, cx) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}
