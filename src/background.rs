//! Background tasks that continue after their request: a refresh whose client has disconnected, a logout that is not
//! stored yet.
//!
//! A task runs on the runtime that started it, and can be awaited on others. So a server that stops waits for all tasks
//! on each of its threads before any runtime ends.

use std::{fmt, time::Duration};

use tokio::{task::JoinHandle, time::timeout};
use tokio_util::task::TaskTracker;

/// The background tasks of all threads. Clones share one state.
#[derive(Clone, Default)]
pub(crate) struct Background(TaskTracker);

impl Background {
    /// Spawns a task on the current runtime.
    pub(crate) fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.spawn(work)
    }

    /// Waits until all tasks have ended, for at most `limit`. This includes tasks that are spawned in the meantime.
    pub(crate) async fn finish(&self, limit: Duration) {
        self.0.close();
        if timeout(limit, self.0.wait()).await.is_err() {
            tracing::error!(tasks = self.0.len(), "the server stops before its background tasks have ended");
        }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").field("tasks", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn waits_for_its_tasks_up_to_the_limit() {
        let background = Background::default();
        background.finish(LONG).await;
        // It can still be used, as other threads may not have stopped yet.
        let work = background.spawn(async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        });
        background.finish(LONG).await;
        assert!(work.is_finished());
        let endless = background.spawn(std::future::pending::<()>());
        background.finish(Duration::from_millis(20)).await;
        assert!(!endless.is_finished());
    }

    #[tokio::test]
    async fn one_runtime_waits_for_the_tasks_of_another() {
        let background = Background::default();
        let (go, gone) = oneshot::channel::<()>();
        let theirs = background.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async { theirs.spawn(gone).await.unwrap() })
        });
        while background.0.is_empty() {
            tokio::task::yield_now().await;
        }
        let waiting = tokio::spawn({
            let background = background.clone();
            async move { background.finish(LONG).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        go.send(()).unwrap();
        waiting.await.unwrap();
        assert_eq!(thread.join().unwrap(), Ok(()));
    }
}
