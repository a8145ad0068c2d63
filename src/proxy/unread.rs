//! Aborts responses that the client has stopped reading.
//!
//! A server asks a body for its next part once the client has room for it. So a client that stops reading stops the
//! body's own timers as well, and would keep its permit and its connection to the upstream for ever. With HTTP/2 the
//! client's connection may look alive meanwhile: only one stream of it stands still.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{BoxError, body::Body as AxumBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// How often bodies are looked at, at least.
const LOOK: Duration = Duration::from_secs(1);

/// The last poll had nothing: the body waits for its source.
const EMPTY: u8 = 0;
/// The last poll had something: the client is to ask for more.
const OFFERED: u8 = 1;
/// The same, and it was so when the body was looked at last.
const SEEN: u8 = 2;

/// The streamed bodies that are under way on one core, and for how long a client may take nothing of one.
pub(super) struct Unread {
    limit: Duration,
    watched: Arc<Mutex<Watched>>,
}

#[derive(Default)]
struct Watched {
    bodies: Vec<Entry>,
    /// Whether a task looks at them.
    is_looked_at: bool,
}

struct Entry {
    body: Weak<Shared>,
    /// Since when it is known that the client takes nothing.
    since: Instant,
}

struct Shared {
    state: AtomicU8,
    /// Nothing once it is given up.
    body: Mutex<Option<AxumBody>>,
}

/// A body that is taken away when the client takes nothing of it.
struct Limited(Arc<Shared>);

/// The body was given up.
#[derive(Debug, thiserror::Error)]
#[error("the client took nothing of the answer for too long")]
struct GivenUp;

impl Unread {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, watched: Arc::default() }
    }

    /// The same body, which ends with an error once the client has taken nothing of it for too long.
    pub(super) fn limit(&self, body: AxumBody) -> AxumBody {
        let shared = Arc::new(Shared { state: AtomicU8::new(EMPTY), body: Mutex::new(Some(body)) });
        let entry = Entry { body: Arc::downgrade(&shared), since: Instant::now() };
        let is_first = {
            let mut watched = lock(&self.watched);
            watched.bodies.push(entry);
            !std::mem::replace(&mut watched.is_looked_at, true)
        };
        if is_first {
            tokio::spawn(look(Arc::downgrade(&self.watched), self.limit));
        }
        AxumBody::new(Limited(shared))
    }
}

/// Looks at bodies for as long as there are any.
async fn look(watched: Weak<Mutex<Watched>>, limit: Duration) {
    loop {
        tokio::time::sleep(LOOK.min(limit / 4)).await;
        let Some(watched) = watched.upgrade() else { return };
        let mut given_up = Vec::new();
        let is_done = {
            let mut watched = lock(&watched);
            let now = Instant::now();
            watched.bodies.retain_mut(|entry| entry.is_taken(now, limit, &mut given_up));
            watched.is_looked_at = !watched.bodies.is_empty();
            !watched.is_looked_at
        };
        if !given_up.is_empty() {
            tracing::info!(answers = given_up.len(), "gave up answers of which their clients take nothing");
        }
        // Without the lock, as it ends whatever the bodies hold.
        drop(given_up);
        if is_done {
            return;
        }
    }
}

impl Entry {
    /// Whether the body is there and may go on; what may not is put into `given_up`.
    fn is_taken(&mut self, now: Instant, limit: Duration, given_up: &mut Vec<AxumBody>) -> bool {
        let Some(shared) = self.body.upgrade() else { return false };
        let offered = shared.state.compare_exchange(OFFERED, SEEN, Ordering::Relaxed, Ordering::Relaxed);
        if offered != Err(SEEN) {
            self.since = now;
            return true;
        }
        if now.saturating_duration_since(self.since) < limit {
            return true;
        }
        given_up.extend(lock(&shared.body).take());
        false
    }
}

impl Body for Limited {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut body = lock(&self.0.body);
        let Some(body) = body.as_mut() else { return Poll::Ready(Some(Err(GivenUp.into()))) };
        let polled = Pin::new(body).poll_frame(cx);
        self.0.state.store(if polled.is_pending() { EMPTY } else { OFFERED }, Ordering::Relaxed);
        polled.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.0.body).as_ref().is_some_and(AxumBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0.body).as_ref().map_or_else(SizeHint::default, AxumBody::size_hint)
    }
}

// A panic while the lock is held ends the body's own connection, and leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::poll_fn};

    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;

    const LIMIT: Duration = Duration::from_hours(1);

    /// Whether a look at all bodies after `elapsed` gives any up.
    fn gives_up(unread: &Unread, begin: Instant, elapsed: Duration) -> bool {
        let mut given_up = Vec::new();
        lock(&unread.watched).bodies.retain_mut(|entry| entry.is_taken(begin + elapsed, LIMIT, &mut given_up));
        !given_up.is_empty()
    }

    async fn is_pending(body: &mut AxumBody) -> bool {
        poll_fn(|cx| Poll::Ready(Pin::new(&mut *body).poll_frame(cx).is_pending())).await
    }

    fn endless() -> AxumBody {
        AxumBody::from_stream(stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from("part"))))
    }

    #[tokio::test]
    async fn gives_up_what_is_not_taken() {
        let (unread, begin) = (Unread::new(LIMIT), Instant::now());
        let mut body = unread.limit(endless());
        body.frame().await.unwrap().unwrap();
        assert!(!gives_up(&unread, begin, LIMIT / 2), "seen for the first time");
        assert!(!gives_up(&unread, begin, LIMIT));
        assert!(gives_up(&unread, begin, LIMIT * 3 / 2));
        assert!(body.frame().await.unwrap().is_err());
    }

    #[tokio::test]
    async fn lets_a_slow_client_go_on() {
        let (unread, begin) = (Unread::new(LIMIT), Instant::now());
        let mut body = unread.limit(endless());
        for number in 0..40 {
            body.frame().await.unwrap().unwrap();
            assert!(!gives_up(&unread, begin, number * LIMIT * 9 / 10));
        }
    }

    /// It is not the client that stands still then.
    #[tokio::test]
    async fn lets_a_client_wait_for_a_quiet_source() {
        let (unread, begin) = (Unread::new(LIMIT), Instant::now());
        let mut body = unread.limit(AxumBody::from_stream(stream::pending::<Result<Bytes, Infallible>>()));
        assert!(is_pending(&mut body).await);
        for number in 0..10 {
            assert!(!gives_up(&unread, begin, number * LIMIT));
        }
        assert!(is_pending(&mut body).await, "still there");
    }

    #[tokio::test]
    async fn forgets_what_has_ended() {
        let unread = Unread::new(LIMIT);
        assert_eq!(unread.limit(AxumBody::from("all")).collect().await.unwrap().to_bytes(), "all");
        assert!(!gives_up(&unread, Instant::now(), Duration::ZERO));
        assert!(lock(&unread.watched).bodies.is_empty());
    }
}
