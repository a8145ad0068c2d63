//! The timer of a connection.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};
use vestibule::alarm::Alarm;

/// Limits how long a client takes for the headers of each of its requests: all deadlines of a connection share
/// one timer of the runtime.
#[derive(Clone, Default)]
pub(crate) struct ConnectionTimer(Arc<Mutex<Alarm>>);

/// One deadline.
struct Deadline {
    timer: ConnectionTimer,
    at: Instant,
}

impl Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline { timer: self.clone(), at: deadline })
    }
}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // A panic while the lock is held cannot leave half a state.
        let mut alarm = self.timer.0.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.is_due(self.at.into(), cx) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Sleep for Deadline {}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn each_deadline_counts_from_its_own_beginning() {
        let timer = ConnectionTimer::default();
        let begin = timer.now();
        // Waited for and given up, as when a request comes.
        assert!(timer.sleep(Duration::from_millis(200)).now_or_never().is_none());
        timer.sleep(Duration::from_millis(300)).await;
        assert!(timer.now() - begin >= Duration::from_millis(300));
    }
}
