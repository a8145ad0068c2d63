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
    Session, SessionEnd,
    handle::Found,
    watch::{STEP, Standing},
};
use crate::proxy::Permit;

/// The first thing sent, so that the browser knows the stream as open.
const OPEN: Bytes = Bytes::from_static(b": open\nretry: 5000\n\n");
const ALIVE: Bytes = Bytes::from_static(b":\n\n");
const ENDED: Bytes = Bytes::from_static(b"event: session-ended\ndata: {}\n\n");

/// Where a stream stands.
enum Stage {
    Opening(Watched),
    Open(Watched),
    Over,
}

struct Watched {
    found: Found,
    end: SessionEnd,
    /// Held for as long as the stream is open.
    _permit: Option<Permit>,
}

/// What there is to say next.
enum Next {
    Alive,
    Ended,
    /// The stream closes without a word: the browser comes again, with the cookie that it has then.
    Close,
}

/// Answers `text/event-stream` with one event, `session-ended`, when that happens. Somebody who is not
/// logged in gets 204, upon which browsers do not ask again.
pub(crate) async fn events(session: Session, permit: Option<Permit>) -> Response {
    let (Some(record), Some(found)) = (session.record(), session.how_found()) else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let end = found.sessions.ends().subscribe(record.id);
    let stream = stream::unfold(Stage::Opening(Watched { found, end, _permit: permit }), step);
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "private, no-store")];
    (headers, Body::from_stream(stream)).into_response()
}

async fn step(stage: Stage) -> Option<(Result<Bytes, Infallible>, Stage)> {
    let (bytes, stage) = match stage {
        Stage::Over => return None,
        Stage::Opening(watched) => (OPEN, Stage::Open(watched)),
        Stage::Open(mut watched) => match watched.next().await {
            Next::Alive => (ALIVE, Stage::Open(watched)),
            Next::Ended => (ENDED, Stage::Over),
            Next::Close => return None,
        },
    };
    Some((Ok(bytes), stage))
}

impl Watched {
    /// Something is sent once in a [`STEP`] at least: proxies in between close what stands still.
    async fn next(&mut self) -> Next {
        let sessions = Arc::clone(&self.found.sessions);
        let record = self.found.live.latest();
        // It may have ended before it was watched.
        if sessions.has_ended(record.id) || timeout(STEP, self.end.ended()).await.is_ok() {
            return Next::Ended;
        }
        match sessions.standing(&self.found).await {
            Standing::GoesOn => Next::Alive,
            Standing::Ended => Next::Ended,
            Standing::Idle => Next::Close,
        }
    }
}
