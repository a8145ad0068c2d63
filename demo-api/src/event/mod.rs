//! What happens to notes, told live to those who own them: `GET /events` and `GET /live`.

mod live;
mod stream;

use std::{fmt, sync::Arc};

use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::{auth::Session, note::Note, route::Route};

/// How many events a slow reader may lag behind before it is let go.
const BACKLOG: usize = 1024;

/// Routes of live events.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/events", stream::open), Route::get("/live", live::open)]
}

/// What happened to a note.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum NoteChange<'a> {
    /// There is a new one.
    Created {
        /// All of it.
        note: &'a Note,
    },
    /// One was changed.
    Updated {
        /// As it is now.
        note: &'a Note,
    },
    /// One is gone.
    Deleted {
        /// Its id.
        id: &'a str,
    },
}

/// A [`NoteChange`] on its way to its owner's readers.
#[derive(Debug)]
pub struct NoteEvent {
    /// UUID of the event.
    pub id: String,
    /// JSON of the change.
    pub data: String,
    owner: String,
}

#[derive(Clone)]
enum Signal {
    Note(Arc<NoteEvent>),
    SessionEnded(Arc<str>),
}

/// Why there are no more events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The server stops.
    Shutdown,
    /// The reader logged out, or was.
    Session,
    /// The reader was too slow, and has missed some.
    Lagged,
}

/// Tells everybody in this process. Clones tell the same readers.
#[derive(Clone)]
pub struct Events {
    sender: broadcast::Sender<Signal>,
    shutdown: CancellationToken,
}

impl Events {
    /// Readers' streams end when `shutdown` is cancelled.
    pub fn new(shutdown: CancellationToken) -> Self {
        Self { sender: broadcast::channel(BACKLOG).0, shutdown }
    }

    /// Tells the readers of this owner. To be called when the change is in the database.
    pub fn note_changed(&self, id: String, owner: &str, change: &NoteChange<'_>) {
        match serde_json::to_string(change) {
            Ok(data) => {
                let event = NoteEvent { id, data, owner: owner.to_owned() };
                self.tell(Signal::Note(Arc::new(event)));
            }
            Err(cause) => tracing::error!(%cause, "cannot write an event"),
        }
    }

    /// Ends the streams of this session.
    pub fn session_ended(&self, session: &str) {
        self.tell(Signal::SessionEnded(session.into()));
    }

    fn tell(&self, signal: Signal) {
        // It fails when nobody listens, and that is no failure.
        let _ = self.sender.send(signal);
    }

    /// From now on, what happens to the notes of this session's user.
    pub fn subscribe(&self, session: &Session) -> Subscription {
        Subscription {
            receiver: self.sender.subscribe(),
            shutdown: self.shutdown.clone(),
            owner: session.user.id.clone(),
            session: session.id.clone(),
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readers = self.sender.receiver_count();
        formatter.debug_struct("Events").field("readers", &readers).finish_non_exhaustive()
    }
}

/// One reader's events.
pub struct Subscription {
    receiver: broadcast::Receiver<Signal>,
    shutdown: CancellationToken,
    owner: String,
    session: String,
}

impl Subscription {
    /// Waits for the next event. Cancelling it loses none.
    ///
    /// # Errors
    ///
    /// Why there are no more.
    pub async fn next(&mut self) -> Result<Arc<NoteEvent>, Ended> {
        loop {
            let signal = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Err(Ended::Shutdown),
                signal = self.receiver.recv() => signal,
            };
            match signal {
                Ok(Signal::Note(event)) if event.owner == self.owner => return Ok(event),
                Ok(Signal::SessionEnded(id)) if *id == *self.session => return Err(Ended::Session),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Err(Ended::Lagged),
                Err(RecvError::Closed) => return Err(Ended::Shutdown),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::User;

    fn session(user: &str, id: &str) -> Session {
        let user = User { id: user.to_owned(), email: String::new(), name: String::new() };
        Session { id: id.to_owned(), user }
    }

    fn delete(events: &Events, owner: &str, id: &str) {
        events.note_changed("e".to_owned(), owner, &NoteChange::Deleted { id });
    }

    #[tokio::test]
    async fn only_the_owner_is_told() {
        let events = Events::new(CancellationToken::new());
        let mut ada = events.subscribe(&session("ada", "s1"));
        delete(&events, "grace", "1");
        delete(&events, "ada", "2");
        assert_eq!(ada.next().await.unwrap().data, r#"{"kind":"deleted","id":"2"}"#);
    }

    #[tokio::test]
    async fn only_the_session_that_ended_is_let_go() {
        let events = Events::new(CancellationToken::new());
        let mut first = events.subscribe(&session("ada", "s1"));
        let mut second = events.subscribe(&session("ada", "s2"));
        events.session_ended("s1");
        delete(&events, "ada", "1");
        assert_eq!(first.next().await.unwrap_err(), Ended::Session);
        assert!(second.next().await.is_ok());
    }

    #[tokio::test]
    async fn a_reader_that_missed_events_is_let_go() {
        let events = Events::new(CancellationToken::new());
        let mut slow = events.subscribe(&session("ada", "s1"));
        for _ in 0..=BACKLOG {
            delete(&events, "ada", "1");
        }
        assert_eq!(slow.next().await.unwrap_err(), Ended::Lagged);
    }

    #[tokio::test]
    async fn a_stop_ends_every_reader() {
        let shutdown = CancellationToken::new();
        let mut ada = Events::new(shutdown.clone()).subscribe(&session("ada", "s1"));
        shutdown.cancel();
        assert_eq!(ada.next().await.unwrap_err(), Ended::Shutdown);
    }
}
