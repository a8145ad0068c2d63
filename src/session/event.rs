//! The event stream that tells open tabs when their session ends.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::time::timeout;

use super::{
    Session, SessionEndSubscription,
    handle::ResolvedSession,
    state::{CHECK_INTERVAL, SessionState},
};

/// Sent first, so that the browser regards the stream as open.
const OPEN: Bytes = Bytes::from_static(b": open\nretry: 5000\n\n");
const ALIVE: Bytes = Bytes::from_static(b":\n\n");
const ENDED: Bytes = Bytes::from_static(b"event: session-ended\ndata: {}\n\n");

/// The stage of a stream.
enum Stage {
    Opening(WatchedSession),
    Open(WatchedSession),
    Done,
}

struct WatchedSession {
    resolved: ResolvedSession,
    end: SessionEndSubscription,
    /// Held while the stream is open.
    _permit: Box<dyn Send>,
}

/// The next event of a stream.
enum Next {
    Alive,
    Ended,
    /// The stream closes without an event: the browser reconnects with its current cookie.
    Close,
}

/// Responds with a `text/event-stream` of one event, `session-ended`. If no user is logged in, responds with 204, upon
/// which browsers do not reconnect.
///
/// `permit` is dropped when the stream ends.
pub(crate) async fn event_stream(session: Session, permit: impl Send + 'static) -> Response {
    let (Some(record), Some(resolved)) = (session.record(), session.resolved()) else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let end = resolved.sessions.end_notifier().subscribe(record.id);
    let stream = stream::unfold(Stage::Opening(WatchedSession { resolved, end, _permit: Box::new(permit) }), step);
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "private, no-store")];
    (headers, Body::from_stream(stream)).into_response()
}

async fn step(stage: Stage) -> Option<(Result<Bytes, Infallible>, Stage)> {
    let (bytes, stage) = match stage {
        Stage::Done => return None,
        Stage::Opening(watched) => (OPEN, Stage::Open(watched)),
        Stage::Open(mut watched) => match watched.next().await {
            Next::Alive => (ALIVE, Stage::Open(watched)),
            Next::Ended => (ENDED, Stage::Done),
            Next::Close => return None,
        },
    };
    Some((Ok(bytes), stage))
}

impl WatchedSession {
    /// Returns at least once in a [`CHECK_INTERVAL`], as proxies in between close idle connections.
    async fn next(&mut self) -> Next {
        let sessions = Arc::clone(&self.resolved.sessions);
        let record = self.resolved.in_flight.latest();
        // The session may have ended before the subscription.
        if sessions.has_ended(record.id) || timeout(CHECK_INTERVAL, self.end.ended()).await.is_ok() {
            return Next::Ended;
        }
        match sessions.state_of(&self.resolved).await {
            SessionState::Active => Next::Alive,
            SessionState::Ended => Next::Ended,
            SessionState::Idle => Next::Close,
        }
    }
}
