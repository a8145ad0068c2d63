//! `GET /events`: server-sent events (WHATWG HTML §9.2).

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt as _, stream};

use super::Subscription;
use crate::{api::DemoApi, auth::Session};

/// Shorter than the idle timeout of any proxy in between.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How soon a browser comes back when the stream ended.
const RETRY: Duration = Duration::from_secs(2);

/// Begins with a comment, so that the client learns at once that it is connected. The stream lives
/// as long as the session, the server, and the reader's patience: a reader that falls too far
/// behind is let go, and has to load its notes anew. Missed events are not repeated.
pub async fn open(State(api): State<DemoApi>, session: Session) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let hello = Event::default().comment("connected").retry(RETRY);
    let events = stream::unfold(api.events.subscribe(&session), next);
    Sse::new(stream::iter([Ok(hello)]).chain(events))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive"))
}

async fn next(mut events: Subscription) -> Option<(Result<Event, Infallible>, Subscription)> {
    let event = events.next().await.ok()?;
    let event = Event::default().event("note").id(&event.id).data(&event.data);
    Some((Ok(event), events))
}
