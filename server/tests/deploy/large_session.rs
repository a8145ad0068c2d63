//! An API whose access token is so large that a session fills all five cookies.

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{
        State,
        ws::{WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::api::serve;

/// The length of the token, which compression shortens by only a quarter when it is sealed.
const TOKEN: usize = 18_500;

/// The API.
#[derive(Clone)]
pub struct Api {
    token: String,
    /// The next events of open event streams.
    pub events: broadcast::Sender<&'static str>,
}

impl Api {
    /// Starts the API and returns it with its URL.
    pub async fn start() -> (Self, String) {
        let api = Self { token: token(), events: broadcast::channel(4).0 };
        let router = Router::new()
            .route("/auth/login", post(log_in))
            .route("/auth/logout", post(async || StatusCode::NO_CONTENT))
            .route("/client", get(client))
            .route("/length", post(length))
            .route("/events", get(events))
            .route("/socket", any(socket))
            .with_state(api.clone());
        (api, serve(router).await)
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        headers.get(header::AUTHORIZATION).is_some_and(|value| *value == format!("Bearer {}", self.token))
    }
}

/// A token that looks like a JWT, always the same.
fn token() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = 1_u64;
    let mut letter = || {
        // Knuth's linear congruential generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(ALPHABET[usize::try_from(state >> 58).unwrap()])
    };
    let mut part = |length| (0..length).map(|_| letter()).collect::<String>();
    format!("eyJhbGciOiJIUzI1NiJ9.{}.{}", part(TOKEN), part(43))
}

async fn log_in(State(api): State<Api>) -> Json<Value> {
    let user = json!({"id": 1, "email": "ada@example.com", "name": "Ada"});
    Json(json!({"access_token": api.token, "token_type": "Bearer", "expires_in": 900, "user": user}))
}

/// Returns the address headers of the call.
async fn client(State(api): State<Api>, headers: HeaderMap) -> Response {
    if !api.knows(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    Json(json!({"for": text("x-forwarded-for"), "forwarded": text("forwarded"), "proto": text("x-forwarded-proto")}))
        .into_response()
}

async fn length(body: Body) -> Json<Value> {
    Json(json!(to_bytes(body, usize::MAX).await.unwrap().len()))
}

/// Sends an event at once, then those that the test sends.
async fn events(State(api): State<Api>, headers: HeaderMap) -> Response {
    if !api.knows(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let later = stream::unfold(api.events.subscribe(), async |mut receiver| {
        let event = receiver.recv().await.ok()?;
        Some((event, receiver))
    });
    let events = stream::iter(["data: first\n\n"]).chain(later).map(Ok::<_, std::convert::Infallible>);
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

async fn socket(State(api): State<Api>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if api.knows(&headers) { upgrade.on_upgrade(echo) } else { StatusCode::UNAUTHORIZED.into_response() }
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}
