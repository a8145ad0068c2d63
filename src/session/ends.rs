//! Tells whoever watches a session that it has ended.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::SessionId;

/// The sessions that somebody watches. Clones share one state.
///
/// A WebSocket or an event stream outlives the request that opened it, and so the check of its
/// session. It subscribes here, and is told when the session ends.
#[derive(Clone, Default)]
pub struct SessionEnds(Arc<Mutex<HashMap<SessionId, watch::Sender<()>>>>);

/// Waits for the end of one session.
pub struct SessionEnd {
    id: SessionId,
    receiver: Option<watch::Receiver<()>>,
    ends: SessionEnds,
}

impl SessionEnds {
    /// Watches a session from now on.
    pub fn subscribe(&self, id: SessionId) -> SessionEnd {
        let mut watched = self.watched();
        let sender = watched.entry(id).or_insert_with(|| watch::Sender::new(()));
        SessionEnd { id, receiver: Some(sender.subscribe()), ends: self.clone() }
    }

    /// Tells all who watch the session that it has ended. Ending twice is the same as once.
    pub fn end(&self, id: SessionId) {
        // The receivers are told by the sender's going.
        drop(self.watched().remove(&id));
    }

    /// How many sessions are watched.
    pub fn len(&self) -> usize {
        self.watched().len()
    }

    /// Whether no session is watched.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // A panic while the lock is held cannot leave half a state: each change is one call.
    fn watched(&self) -> MutexGuard<'_, HashMap<SessionId, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionEnd {
    /// Waits until the session has ended. Safe to cancel and to call again.
    pub async fn ended(&mut self) {
        if let Some(receiver) = &mut self.receiver {
            // No value is ever sent: an error means that the sender is gone.
            while receiver.changed().await.is_ok() {}
        }
    }
}

/// The last one to stop watching a session takes its entry away.
impl Drop for SessionEnd {
    fn drop(&mut self) {
        let mut watched = self.ends.watched();
        self.receiver = None;
        if watched.get(&self.id).is_some_and(|sender| sender.receiver_count() == 0) {
            watched.remove(&self.id);
        }
    }
}

impl fmt::Debug for SessionEnds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEnds").field("watched", &self.len()).finish()
    }
}

impl fmt::Debug for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEnd").field("id", &self.id).finish_non_exhaustive()
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
    async fn tells_all_who_watch_that_session() {
        let (ends, (one, two)) = (SessionEnds::default(), ids());
        let mut watching = [ends.subscribe(one), ends.subscribe(one)];
        let mut other = ends.subscribe(two);
        ends.end(one);
        ends.end(one);
        for end in &mut watching {
            end.ended().await;
            end.ended().await;
        }
        assert!(timeout(Duration::from_millis(5), other.ended()).await.is_err());
    }

    #[tokio::test]
    async fn keeps_nothing_of_those_who_left() {
        let (ends, (one, two)) = (SessionEnds::default(), ids());
        let (first, second) = (ends.subscribe(one), ends.subscribe(one));
        drop(first);
        assert_eq!(ends.len(), 1);
        drop(second);
        assert!(ends.is_empty());

        // One who watched before the end does not take a later one's entry away.
        let before = ends.subscribe(two);
        ends.end(two);
        let mut after = ends.subscribe(two);
        drop(before);
        assert_eq!(ends.len(), 1);
        ends.end(two);
        after.ended().await;
    }
}
