//! A stub API that speaks the demo contract and notes what it was asked.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use futures_util::{StreamExt, future::ready, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

/// The password that the stub takes from everybody.
pub const PASSWORD: &str = "open sesame";

/// How often something that will come is looked for.
const LOOK: Duration = Duration::from_millis(5);

/// A running stub. Its server ends with the test's runtime.
#[derive(Clone)]
pub struct Stub {
    pub address: SocketAddr,
    state: Arc<Mutex<Memory>>,
}

/// What the stub knows and has seen.
#[derive(Default)]
pub struct Memory {
    /// Lifetime of access tokens in seconds.
    pub expires_in: Option<i64>,
    /// What `/auth/refresh` answers instead of doing its work.
    pub refresh_status: Option<StatusCode>,
    /// How many refreshes are answered 503 before others do their work.
    pub failing_refreshes: usize,
    /// How long a refresh takes.
    pub refresh_delay: Duration,
    /// Whether refreshes wait until this is taken back.
    pub holds_refreshes: bool,
    /// The refresh with this number, counted from 1, waits until this is taken back.
    pub holds_refresh: Option<usize>,
    /// Whether a refresh token that was spent serves again, as with APIs that know that answers get
    /// lost.
    pub forgives: bool,
    /// How often one did.
    pub forgiven: usize,
    /// What `/auth/login` answers instead of doing its work.
    pub login_answer: Option<(StatusCode, String, String)>,
    pub refreshes: usize,
    pub logouts: usize,
    pub seen: Vec<Seen>,
    /// What the next event stream sends, after whom it is for.
    pub feed: Option<mpsc::Receiver<&'static str>>,
    issued: usize,
    /// Access token to e-mail.
    access: HashMap<String, String>,
    /// Refresh token to e-mail; each serves once.
    refresh: HashMap<String, String>,
    /// Those that have served.
    spent: HashMap<String, String>,
}

/// One request that was not about tokens.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Stub {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stub = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let router = Router::new()
            .route("/auth/login", post(log_in))
            .route("/auth/refresh", post(refresh))
            .route("/auth/logout", post(log_out))
            .route("/users", post(sign_up))
            .route("/events", get(events))
            .fallback(any(echo))
            .with_state(stub.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        stub
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.state.lock().unwrap()
    }

    /// Every token that was ever handed out.
    pub fn tokens(&self) -> Vec<String> {
        let memory = self.memory();
        memory.access.keys().chain(memory.refresh.keys()).cloned().collect()
    }

    /// Waits for the refresh with this number, counted from 1, to arrive.
    pub async fn refreshing(&self, number: usize) {
        for _ in 0..4_000 {
            if self.memory().refreshes >= number {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("no refresh number {number}");
    }

    /// Forgets all access tokens, so that the next call with one is 401.
    pub fn forget_access_tokens(&self) {
        self.memory().access.clear();
    }
}

impl Memory {
    /// New tokens, in JWT shape, so that a leak is found by its looks too.
    fn issue(&mut self, email: &str) -> Value {
        self.issued += 1;
        let number = self.issued;
        let access = format!("eyJhbGciOiJIUzI1NiJ9.access-{number}-of-{email}.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg");
        let refresh = format!("refresh-{number}-of-{email}-0123456789abcdef");
        self.access.insert(access.clone(), email.into());
        self.refresh.insert(refresh.clone(), email.into());
        json!({
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "user": {"id": email.len(), "email": email, "name": email.split('@').next()},
        })
    }

    /// The e-mail address of whose token a call bears, if it bears one and no more.
    fn whose(&self, headers: &HeaderMap) -> Option<&String> {
        let credentials: Vec<_> = headers.get_all(header::AUTHORIZATION).iter().collect();
        match credentials.as_slice() {
            [one] => self.access.get(one.to_str().ok()?.strip_prefix("Bearer ")?),
            _ => None,
        }
    }

    /// Whose refresh token it is, which serves once.
    fn spend(&mut self, token: &str) -> Option<String> {
        if let Some(email) = self.refresh.remove(token) {
            self.spent.insert(token.into(), email.clone());
            return Some(email);
        }
        let email = self.spent.get(token).filter(|_| self.forgives)?.clone();
        self.forgiven += 1;
        Some(email)
    }
}

async fn log_in(State(stub): State<Stub>, Json(fields): Json<Value>) -> Response {
    let mut memory = stub.memory();
    if let Some((status, kind, body)) = memory.login_answer.clone() {
        return (status, [(header::CONTENT_TYPE, kind)], body).into_response();
    }
    if fields["password"] != PASSWORD {
        return (StatusCode::UNAUTHORIZED, Json(json!({"detail": "no"}))).into_response();
    }
    Json(memory.issue(fields["email"].as_str().unwrap())).into_response()
}

async fn refresh(State(stub): State<Stub>, Json(fields): Json<Value>) -> Response {
    let (number, delay) = {
        let mut memory = stub.memory();
        memory.refreshes += 1;
        (memory.refreshes, memory.refresh_delay)
    };
    let is_held = |memory: &Memory| memory.holds_refreshes || memory.holds_refresh == Some(number);
    tokio::time::sleep(delay).await;
    while is_held(&stub.memory()) {
        tokio::time::sleep(LOOK).await;
    }
    let mut memory = stub.memory();
    if memory.failing_refreshes > 0 {
        memory.failing_refreshes -= 1;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if let Some(status) = memory.refresh_status {
        return status.into_response();
    }
    match memory.spend(fields["refresh_token"].as_str().unwrap()) {
        Some(email) => Json(memory.issue(&email)).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn log_out(State(stub): State<Stub>) -> StatusCode {
    stub.memory().logouts += 1;
    StatusCode::NO_CONTENT
}

async fn sign_up(Json(fields): Json<Value>) -> Response {
    if fields["email"] == "taken@example.com" {
        let problem = json!({
            "title": "Unprocessable Content", "status": 422, "detail": "Some fields are wrong.",
            "errors": {"email": "Somebody has this e-mail address already."},
        });
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(problem)).into_response();
    }
    (StatusCode::CREATED, Json(json!({"id": 1, "email": fields["email"], "name": fields["name"]}))).into_response()
}

/// Answers who asked and what arrived; 401 without a token that the stub knows.
async fn echo(State(stub): State<Stub>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let mut memory = stub.memory();
    let seen = Seen { method: parts.method, target: target.clone(), headers: parts.headers, body };
    memory.seen.push(seen.clone());
    match memory.whose(&seen.headers) {
        Some(email) => Json(json!({
            "email": email, "target": target, "method": seen.method.as_str(), "length": seen.body.len(),
        }))
        .into_response(),
        None => (StatusCode::UNAUTHORIZED, Json(json!({"detail": "who are you?"}))).into_response(),
    }
}

/// An event that names whom the stream is for, then what it is fed.
async fn events(State(stub): State<Stub>, headers: HeaderMap) -> Response {
    let mut memory = stub.memory();
    let Some(email) = memory.whose(&headers) else { return StatusCode::UNAUTHORIZED.into_response() };
    let first = format!("data: {email}\n\n");
    let fed = stream::unfold(memory.feed.take(), |feed| async move {
        let mut feed = feed?;
        let event = feed.recv().await?;
        Some((event.to_owned(), Some(feed)))
    });
    let events = stream::once(ready(first)).chain(fed).map(Ok::<_, Infallible>);
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}
