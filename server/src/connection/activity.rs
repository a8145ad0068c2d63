//! The activity of a connection, and its idle timeout.

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

/// If more bytes than this were written since the last check, the end of a response is still on its way to a slow
/// client. HTTP/2 pings and settings take fewer.
const MIN_PROGRESS: u64 = 1024;
/// How many times its limit the end of a response may take.
const MAX_EXTENSION: u32 = 10;

/// The activity of one connection.
pub(crate) struct Activity {
    /// The number of requests whose responses hyper has not completely taken.
    active: Cell<u32>,
    /// When the last of them ended.
    idle_since: Cell<Instant>,
    /// The number of bytes written to the socket.
    written: Arc<AtomicU64>,
}

/// A request that is being handled, from its complete head to the end of its response.
pub(super) struct ActiveRequest(Rc<Activity>);

impl Activity {
    pub(super) fn new(written: Arc<AtomicU64>) -> Self {
        Self { active: Cell::new(0), idle_since: Cell::new(Instant::now()), written }
    }

    /// Counts a new request.
    pub(super) fn start_request(self: &Rc<Self>) -> ActiveRequest {
        self.active.set(self.active.get() + 1);
        ActiveRequest(Rc::clone(self))
    }

    /// When the connection became idle, if it waits for a request.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.active.get() == 0).then(|| self.idle_since.get())
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let Activity { active, idle_since, .. } = &*self.0;
        active.set(active.get() - 1);
        if active.get() == 0 {
            idle_since.set(Instant::now());
        }
    }
}

/// Ends a connection that receives no request.
///
/// Its timer is not reset by each request. It fires at most once per limit and is then reset to the current deadline,
/// which is never earlier.
pub(super) struct IdleTimeout {
    activity: Rc<Activity>,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    /// The value of `written` at the last check.
    last_written: u64,
}

impl IdleTimeout {
    pub(super) fn new(activity: Rc<Activity>, limit: Duration) -> Self {
        Self { activity, limit, timer: Box::pin(sleep(limit)), last_written: 0 }
    }

    /// Ready when the connection has been idle for too long.
    pub(super) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            match self.deadline(Instant::now()) {
                Some(deadline) => self.timer.as_mut().reset(deadline),
                None => return Poll::Ready(()),
            }
        }
    }

    /// The time of the next check; `None` when the timeout has expired.
    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        let written = self.activity.written.load(Ordering::Relaxed);
        let progress = written - std::mem::replace(&mut self.last_written, written);
        let Some(since) = self.activity.idle_since() else { return Some(now + self.limit) };
        if now < since + self.limit {
            return Some(since + self.limit);
        }
        (progress > MIN_PROGRESS && now < since + MAX_EXTENSION * self.limit).then(|| now + self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn idle() -> (Rc<Activity>, IdleTimeout, Instant) {
        let activity = Rc::new(Activity::new(Arc::default()));
        let begin = activity.idle_since.get();
        (Rc::clone(&activity), IdleTimeout::new(activity, LIMIT), begin)
    }

    #[tokio::test]
    async fn ends_without_a_request() {
        let (_, mut idle, begin) = idle();
        assert_eq!(idle.deadline(begin + LIMIT / 2), Some(begin + LIMIT));
        assert_eq!(idle.deadline(begin + LIMIT), None);
        idle.limit = Duration::from_millis(10);
        idle.timer = Box::pin(sleep(idle.limit));
        std::future::poll_fn(|cx| idle.poll_expired(cx)).await;
    }

    #[tokio::test]
    async fn counts_from_the_end_of_the_last_response() {
        let (activity, mut idle, begin) = idle();
        let (one, two) = (activity.start_request(), activity.start_request());
        drop(one);
        let later = begin + 100 * LIMIT;
        assert_eq!(idle.deadline(later), Some(later + LIMIT), "one is active");
        drop(two);
        let end = activity.idle_since().unwrap();
        assert!(end > begin);
        assert_eq!(idle.deadline(end + LIMIT / 2), Some(end + LIMIT));
        assert_eq!(idle.deadline(end + LIMIT), None);
    }

    #[tokio::test]
    async fn gives_a_slow_client_more_time_for_the_end_of_a_response_but_not_forever() {
        let (activity, mut idle, begin) = idle();
        for times in 1..MAX_EXTENSION {
            activity.written.fetch_add(2 * MIN_PROGRESS, Ordering::Relaxed);
            let now = begin + times * LIMIT;
            assert_eq!(idle.deadline(now), Some(now + LIMIT));
        }
        activity.written.fetch_add(2 * MIN_PROGRESS, Ordering::Relaxed);
        assert_eq!(idle.deadline(begin + MAX_EXTENSION * LIMIT), None);
    }

    #[tokio::test]
    async fn pings_do_not_count_as_progress() {
        let (activity, mut idle, begin) = idle();
        activity.written.fetch_add(MIN_PROGRESS / 2, Ordering::Relaxed);
        assert_eq!(idle.deadline(begin + LIMIT), None);
    }
}
