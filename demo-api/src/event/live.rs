//! `GET /live`: the same events by WebSocket (RFC 6455), and an echo.

use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};

use super::{Ended, Subscription};
use crate::{api::DemoApi, auth::Session, problem::Problem};

/// The largest message and frame, in bytes.
const MESSAGE_LIMIT: usize = 64 << 20;

/// Sends each event as a text message with the JSON that `/events` has in `data`. What the client
/// sends, text or binary, comes back unchanged: so that whatever stands in between can be tested.
/// Closes with 1001 when the server stops, 1013 when the reader fell too far behind, and 4401 when
/// the session ended.
pub async fn open(
    State(api): State<DemoApi>,
    session: Session,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade?.max_message_size(MESSAGE_LIMIT).max_frame_size(MESSAGE_LIMIT);
    let events = api.events.subscribe(&session);
    // Counted from here on, so that a stop waits for its last words.
    let task = api.tasks.token();
    Ok(upgrade.on_upgrade(move |socket| async move {
        converse(socket, events).await;
        drop(task);
    }))
}

/// Until one of both has enough. An error means that the client is gone, and there is nobody to
/// tell.
async fn converse(mut socket: WebSocket, mut events: Subscription) {
    loop {
        let answer = tokio::select! {
            event = events.next() => match event {
                Ok(event) => Message::text(event.data.as_str()),
                Err(ended) => {
                    let _ = socket.send(close(ended)).await;
                    return;
                }
            },
            message = socket.recv() => match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => message,
                // Pings are answered beneath, and so is a close: reading on flushes that answer.
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}

fn close(ended: Ended) -> Message {
    let (code, reason) = match ended {
        Ended::Shutdown => (1001, "the server stops"),
        Ended::Lagged => (1013, "too many events were missed"),
        Ended::Session => (4401, "the session ended"),
    };
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}
