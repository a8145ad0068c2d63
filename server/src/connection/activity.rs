//! Whether a connection does anything, and until when it has to.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// So many bytes written since the last look show that the end of a response is still on its way to a slow client.
/// More than pings and settings of HTTP/2 take.
const PROGRESS: u64 = 1024;
/// How many times its limit such an end may take.
const PATIENCE: u32 = 10;

/// What goes on at one connection.
pub(crate) struct Activity {
    /// Requests whose responses hyper has not taken over whole.
    open: Cell<u32>,
    /// Since when there is none of them.
    since: Cell<Instant>,
    /// How many bytes the socket has taken.
    written: Arc<AtomicU64>,
}

/// A request, from its whole head to the end of its response.
pub(super) struct Open(Rc<Activity>);

impl Activity {
    pub(super) fn new(written: Arc<AtomicU64>) -> Self {
        Self { open: Cell::new(0), since: Cell::new(Instant::now()), written }
    }

    /// A request has come.
    pub(super) fn begin(self: &Rc<Self>) -> Open {
        self.open.set(self.open.get() + 1);
        Open(Rc::clone(self))
    }

    /// Since when the connection waits for a request, if it does.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.open.get() == 0).then(|| self.since.get())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Activity { open, since, .. } = &*self.0;
        open.set(open.get() - 1);
        if open.get() == 0 {
            since.set(Instant::now());
        }
    }
}

/// Ends a connection on which no request comes.
///
/// Its timer is not moved with each request: it goes off at most once per limit, and is set to the deadline that
/// holds then. No deadline that arises meanwhile is earlier.
pub(super) struct Idle {
    activity: Rc<Activity>,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    /// What had been written at the last look.
    seen: u64,
}

impl Idle {
    pub(super) fn new(activity: Rc<Activity>, limit: Duration) -> Self {
        Self { activity, limit, timer: Box::pin(sleep(limit)), seen: 0 }
    }

    /// Ready when the connection has waited for a request for too long.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            match self.deadline(Instant::now()) {
                Some(deadline) => self.timer.as_mut().reset(deadline),
                None => return Poll::Ready(()),
            }
        }
    }

    /// When to look again; `None` when it is over.
    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        let written = self.activity.written.load(Ordering::Relaxed);
        let progress = written - std::mem::replace(&mut self.seen, written);
        let Some(since) = self.activity.idle_since() else { return Some(now + self.limit) };
        if now < since + self.limit {
            return Some(since + self.limit);
        }
        (progress > PROGRESS && now < since + PATIENCE * self.limit).then(|| now + self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn idle() -> (Rc<Activity>, Idle, Instant) {
        let activity = Rc::new(Activity::new(Arc::default()));
        let begin = activity.since.get();
        (Rc::clone(&activity), Idle::new(activity, LIMIT), begin)
    }

    #[tokio::test]
    async fn ends_without_a_request() {
        let (_, mut idle, begin) = idle();
        assert_eq!(idle.deadline(begin + LIMIT / 2), Some(begin + LIMIT));
        assert_eq!(idle.deadline(begin + LIMIT), None);
        idle.limit = Duration::from_millis(10);
        idle.timer = Box::pin(sleep(idle.limit));
        std::future::poll_fn(|cx| idle.poll_over(cx)).await;
    }

    #[tokio::test]
    async fn counts_from_the_end_of_the_last_response() {
        let (activity, mut idle, begin) = idle();
        let (one, two) = (activity.begin(), activity.begin());
        drop(one);
        let later = begin + 100 * LIMIT;
        assert_eq!(idle.deadline(later), Some(later + LIMIT), "one is open");
        drop(two);
        let end = activity.idle_since().unwrap();
        assert!(end > begin);
        assert_eq!(idle.deadline(end + LIMIT / 2), Some(end + LIMIT));
        assert_eq!(idle.deadline(end + LIMIT), None);
    }

    #[tokio::test]
    async fn lets_a_slow_client_have_the_end_of_a_response_but_not_for_ever() {
        let (activity, mut idle, begin) = idle();
        for times in 1..PATIENCE {
            activity.written.fetch_add(2 * PROGRESS, Ordering::Relaxed);
            let now = begin + times * LIMIT;
            assert_eq!(idle.deadline(now), Some(now + LIMIT));
        }
        activity.written.fetch_add(2 * PROGRESS, Ordering::Relaxed);
        assert_eq!(idle.deadline(begin + PATIENCE * LIMIT), None);
    }

    #[tokio::test]
    async fn takes_pings_for_no_progress() {
        let (activity, mut idle, begin) = idle();
        activity.written.fetch_add(PROGRESS / 2, Ordering::Relaxed);
        assert_eq!(idle.deadline(begin + LIMIT), None);
    }
}
