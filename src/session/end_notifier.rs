//! Notifies subscribers of the end of a session.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::SessionId;

/// The sessions with subscribers to their end. Clones share one state.
///
/// A WebSocket or an event stream outlives the request that opened it, and with it the check of the session. It
/// subscribes here, and is notified when the session ends.
#[derive(Clone, Default)]
pub struct SessionEndNotifier(Arc<Mutex<HashMap<SessionId, watch::Sender<()>>>>);

/// A subscription to the end of one session.
pub struct SessionEndSubscription {
    id: SessionId,
    receiver: Option<watch::Receiver<()>>,
    notifier: SessionEndNotifier,
}

impl SessionEndNotifier {
    /// Subscribes to the end of a session.
    pub fn subscribe(&self, id: SessionId) -> SessionEndSubscription {
        let mut watched = self.watched();
        let sender = watched.entry(id).or_insert_with(|| watch::Sender::new(()));
        SessionEndSubscription { id, receiver: Some(sender.subscribe()), notifier: self.clone() }
    }

    /// Notifies all subscribers that the session has ended. Idempotent.
    pub fn notify(&self, id: SessionId) {
        // Dropping the sender notifies the receivers.
        drop(self.watched().remove(&id));
    }

    /// The number of sessions with subscribers.
    pub fn len(&self) -> usize {
        self.watched().len()
    }

    /// Whether no session has subscribers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // A panic while the lock is held cannot leave an inconsistent state: each change is one call.
    fn watched(&self) -> MutexGuard<'_, HashMap<SessionId, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionEndSubscription {
    /// Waits until the session has ended. Cancel-safe, and can be called again.
    pub async fn ended(&mut self) {
        if let Some(receiver) = &mut self.receiver {
            // No value is ever sent: an error means that the sender is gone.
            while receiver.changed().await.is_ok() {}
        }
    }
}

/// The last subscription of a session removes its entry.
impl Drop for SessionEndSubscription {
    fn drop(&mut self) {
        let mut watched = self.notifier.watched();
        self.receiver = None;
        if watched.get(&self.id).is_some_and(|sender| sender.receiver_count() == 0) {
            watched.remove(&self.id);
        }
    }
}

impl fmt::Debug for SessionEndNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEndNotifier").field("watched", &self.len()).finish()
    }
}

impl fmt::Debug for SessionEndSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEndSubscription").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::random::Random;

    fn ids() -> (SessionId, SessionId) {
        let random = Random::seeded(1);
        (SessionId::random(&random), SessionId::random(&random))
    }

    #[tokio::test]
    async fn notifies_all_subscribers_of_that_session() {
        let (notifier, (one, two)) = (SessionEndNotifier::default(), ids());
        let mut watching = [notifier.subscribe(one), notifier.subscribe(one)];
        let mut other = notifier.subscribe(two);
        notifier.notify(one);
        notifier.notify(one);
        for end in &mut watching {
            end.ended().await;
            end.ended().await;
        }
        assert!(timeout(Duration::from_millis(5), other.ended()).await.is_err());
    }

    #[tokio::test]
    async fn removes_the_entries_of_dropped_subscriptions() {
        let (notifier, (one, two)) = (SessionEndNotifier::default(), ids());
        let (first, second) = (notifier.subscribe(one), notifier.subscribe(one));
        drop(first);
        assert_eq!(notifier.len(), 1);
        drop(second);
        assert!(notifier.is_empty());

        // A subscription from before the end does not remove the entry of a later one.
        let before = notifier.subscribe(two);
        notifier.notify(two);
        let mut after = notifier.subscribe(two);
        drop(before);
        assert_eq!(notifier.len(), 1);
        notifier.notify(two);
        after.ended().await;
    }
}
