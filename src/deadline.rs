//! A timer that is re-armed often and rarely fires.

use std::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    task::Context,
};

use tokio::{
    task::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

/// A timer that is re-armed often and rarely fires.
///
/// The timer stays registered after its waiter is gone. If it fires before the current deadline, it is re-armed. A
/// connection therefore registers few timers with the runtime; registering and cancelling costs more than a stale timer.
/// The last waiter may get one spurious wake-up per deadline.
#[derive(Default)]
pub struct DeadlineTimer(Option<Pin<Box<Sleep>>>);

impl DeadlineTimer {
    /// Whether `deadline` has come; asks to be woken when it will have.
    pub fn poll_expired(&mut self, deadline: Instant, cx: &mut Context<'_>) -> bool {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        // Unconstrained, since a task that has used up its share of a turn would be told that it is too early.
        while pin!(unconstrained(sleep.as_mut())).poll(cx).is_ready() {
            if sleep.deadline() == deadline {
                return true;
            }
            sleep.as_mut().reset(deadline);
        }
        false
    }
}

impl fmt::Debug for DeadlineTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alarm").field(&self.0.as_ref().map(|sleep| sleep.deadline())).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, poll_fn, ready},
        task::Poll,
        time::Duration,
    };

    use super::*;

    impl DeadlineTimer {
        /// Waits for `future`, no longer than `limit`. Gives itself back, for the next one.
        async fn within<F: Future>(mut self, limit: Duration, future: F) -> (Option<F::Output>, Self) {
            let (deadline, mut future) = (Instant::now() + limit, pin!(future));
            let output = poll_fn(|cx| match future.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if self.poll_expired(deadline, cx) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            (output.await, self)
        }
    }

    const STEP: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn goes_off_at_the_last_deadline_it_was_asked_for() {
        let (output, mut timer) = DeadlineTimer::default().within(10 * STEP, ready(1)).await;
        assert_eq!(output, Some(1));
        for limit in [4, 3, 8, 2] {
            let begin = Instant::now();
            let output;
            (output, timer) = timer.within(limit * STEP, pending::<()>()).await;
            assert_eq!(output, None);
            assert!(begin.elapsed() >= limit * STEP, "{limit}");
        }
    }

    /// A future that never waits uses up its task's budget.
    #[tokio::test]
    async fn goes_off_while_there_is_always_more_to_do() {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let endless = std::future::poll_fn(|cx| -> std::task::Poll<()> {
            let _ = sender.send(());
            while receiver.poll_recv(cx).is_ready() {
                let _ = sender.send(());
            }
            std::task::Poll::Pending
        });
        let ended = tokio::time::timeout(Duration::from_secs(10), DeadlineTimer::default().within(STEP, endless)).await;
        assert_eq!(ended.unwrap().0, None);
    }

    #[tokio::test]
    async fn is_moved_on_when_an_earlier_deadline_passes() {
        let mut timer = DeadlineTimer::default();
        for _ in 0..4 {
            let output;
            // A result that is ready in time counts, however late it is polled.
            (output, timer) = timer.within(3 * STEP, tokio::time::sleep(2 * STEP)).await;
            assert_eq!(output, Some(()));
        }
        let begin = Instant::now();
        assert_eq!(timer.within(3 * STEP, pending::<()>()).await.0, None);
        assert!(begin.elapsed() >= 3 * STEP);
    }
}
