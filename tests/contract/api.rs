//! An API whose answers a test writes itself, and which notes what it was sent.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the API is to answer to one method and path.
#[derive(Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub delay: Duration,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    pub fn text(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type", kind.into())], body: body.into(), delay: Duration::ZERO }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub call: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A running API. Its server ends with the test's runtime.
#[derive(Clone)]
pub struct Api {
    pub address: SocketAddr,
    state: Arc<Mutex<Memory>>,
}

#[derive(Default)]
pub struct Memory {
    /// Each call with its answers in order; the last one stays.
    replies: Vec<(String, VecDeque<Reply>)>,
    pub seen: Vec<Seen>,
}

impl Api {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let router = Router::new().fallback(answer).with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        api
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the answer to a call, like `POST /login`, in place of the one before.
    pub fn on(&self, call: &str, reply: Reply) -> &Self {
        let mut memory = self.memory();
        memory.replies.retain(|(known, _)| known != call);
        memory.replies.push((call.into(), VecDeque::from([reply])));
        drop(memory);
        self
    }

    /// Adds the answer to a call after those that are set already.
    pub fn then(&self, call: &str, reply: Reply) -> &Self {
        let mut memory = self.memory();
        memory.replies.iter_mut().find(|(known, _)| known == call).unwrap().1.push_back(reply);
        drop(memory);
        self
    }

    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.state.lock().unwrap()
    }

    /// The requests to one call.
    pub fn seen(&self, call: &str) -> Vec<Seen> {
        self.memory().seen.iter().filter(|seen| seen.call == call).cloned().collect()
    }
}

async fn answer(State(api): State<Api>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let call = format!("{} {}", parts.method, parts.uri.path());
    let reply = {
        let mut memory = api.memory();
        let body = String::from_utf8_lossy(&body).into_owned();
        memory.seen.push(Seen { call: call.clone(), headers: parts.headers, body });
        let found = memory.replies.iter_mut().find(|(known, _)| *known == call);
        let next = found.and_then(
            |(_, replies)| {
                if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
            },
        );
        next.unwrap_or_else(|| Reply::json(404, &json!({"message": "no such path"})))
    };
    tokio::time::sleep(reply.delay).await;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}

/// A JWT with these claims that nobody has signed.
pub fn jwt(claims: &Value) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2lnbmF0dXJl", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims))
}
