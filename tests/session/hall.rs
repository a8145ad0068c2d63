//! A small application with the guard around it, a stub API behind it, and a clock that stands still.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};
use vestibule::{
    LogInOptions, Vestibule,
    clock::Clock,
    config::{Config, LoginConfig},
    error::Problem,
    random::Random,
    secret::Secret,
    session::{Session, SessionId},
    upstream::{ApiCall, Failure},
};

use crate::support::{
    browser::{Answer, Browser},
    stub::{PASSWORD, Stub},
};

/// When the tests begin, in seconds since the epoch.
pub const START: i64 = 1_767_268_800;
/// The key of all replicas.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub struct Hall {
    pub stub: Stub,
    pub clock: Clock,
    pub origin: String,
    gate: Arc<Gate>,
}

/// Where `/slow` waits.
struct Gate {
    opening: Semaphore,
    /// How many have come to it so far.
    arrived: AtomicUsize,
}

#[derive(Clone)]
struct App {
    vestibule: Vestibule,
    gate: Arc<Gate>,
}

impl Hall {
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// Opens with a changed configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let stub = Stub::start().await;
        stub.memory().expires_in = Some(900);
        Self::replica(stub, Clock::manual(START), change).await
    }

    /// Opens one more at the same API, with the same key and clock.
    pub async fn replica(stub: Stub, clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let mut config = Config::new(origin.parse().unwrap());
        config.api.url = Some(stub.url().parse().unwrap());
        config.session.keys = vec![Secret::new(KEY)];
        config.login = LoginConfig::unlimited();
        change(&mut config);
        let vestibule = Vestibule::with(config, clock.clone(), Random::system()).unwrap();
        let gate = Arc::new(Gate { opening: Semaphore::new(0), arrived: AtomicUsize::new(0) });
        let pages = Router::new()
            .route("/login/{email}", post(log_in))
            .route("/logout", post(log_out))
            .route("/who", get(who))
            .route("/about", get(async || "about"))
            .route("/public", get(async || ([("cache-control", "public, max-age=3600")], "for everybody")))
            .route("/slow", get(slow))
            .route("/slow/refused", get(slow_refused))
            .route("/slow/name", get(slow_name))
            .route("/slow/login/{email}", post(slow_log_in))
            .route("/call", get(call))
            .route("/devices", get(devices))
            .route("/devices/{id}/end", post(end_device))
            .route("/everywhere", post(everywhere))
            .route("/name/{name}", post(rename))
            .with_state(App { vestibule: vestibule.clone(), gate: Arc::clone(&gate) });
        let app = vestibule.guard(pages.merge(vestibule.routes()));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { stub, clock, origin, gate }
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    /// Sends a request that has its session and waits at the gate when this returns.
    pub async fn start_slow(&self, browser: &Browser, path: &'static str) -> JoinHandle<(Browser, Answer)> {
        self.start(browser.clone(), browser.request(Method::GET, path)).await
    }

    /// The same for a log-in, which has its tokens already.
    pub async fn start_slow_log_in(&self, browser: &Browser, email: &str) -> JoinHandle<(Browser, Answer)> {
        self.start(browser.clone(), browser.request(Method::POST, &format!("/slow/login/{email}"))).await
    }

    async fn start(&self, mut browser: Browser, request: reqwest::RequestBuilder) -> JoinHandle<(Browser, Answer)> {
        let before = self.gate.arrived.load(Ordering::SeqCst);
        let slow = tokio::spawn(async move {
            let answer = browser.send(request).await;
            (browser, answer)
        });
        for _ in 0..4_000 {
            if self.gate.arrived.load(Ordering::SeqCst) > before {
                return slow;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("nothing came to the gate");
    }

    /// Opens the gate for one.
    pub fn open_gate(&self) {
        self.gate.opening.add_permits(1);
    }

    /// A browser with somebody logged in.
    pub async fn logged_in(&self, email: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.post_form(&format!("/login/{email}"), &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        browser
    }
}

async fn log_in(
    State(app): State<App>,
    Path(email): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    session: Session,
) -> Response {
    let password = Secret::new(PASSWORD);
    let persistent = query.iter().find(|(name, _)| name == "keep").map(|(_, value)| value == "true");
    let outcome = match persistent {
        None => app.vestibule.log_in(&session, &email, &password).await,
        persistent => {
            let options = LogInOptions { email: &email, password: &password, persistent };
            app.vestibule.log_in_with(&session, options).await
        }
    };
    outcome.map_or_else(failed, |user| Json(user).into_response())
}

fn failed(failure: Failure) -> Response {
    Problem { retry_after: failure.retry_after, ..Problem::new(failure.status, failure.message) }.into_response()
}

async fn log_out(State(app): State<App>, session: Session) -> StatusCode {
    app.vestibule.log_out(&session).await;
    StatusCode::NO_CONTENT
}

async fn who(session: Session) -> String {
    session.user().map_or_else(|| "nobody".into(), |user| user["email"].as_str().unwrap().into())
}

impl Gate {
    async fn pass(&self) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        self.opening.acquire().await.unwrap().forget();
    }
}

async fn slow(State(app): State<App>, session: Session) -> String {
    app.gate.pass().await;
    who(session).await
}

/// A log-in whose answer takes a while.
async fn slow_log_in(State(app): State<App>, Path(email): Path<String>, session: Session) -> Response {
    let answer = log_in(State(app.clone()), Path(email), Query(Vec::new()), session).await;
    app.gate.pass().await;
    answer
}

/// Changes what the session knows of the person, after a while.
async fn slow_name(State(app): State<App>, session: Session) -> StatusCode {
    app.gate.pass().await;
    rename(Path("Countess".into()), session).await
}

/// The API's 401 comes late.
async fn slow_refused(State(app): State<App>, session: Session) -> String {
    let token = session.record().unwrap().access_token.clone();
    app.gate.pass().await;
    session.refused(&token);
    who(session).await
}

async fn call(State(app): State<App>, session: Session) -> Response {
    match app.vestibule.call(&session, ApiCall::new(Method::GET, "/notes")).await {
        Ok(answer) => (answer.status, answer.body).into_response(),
        Err(failure) => failed(failure),
    }
}

async fn devices(State(app): State<App>, session: Session) -> Response {
    app.vestibule.sessions_of(&session).await.map_or_else(failed, |open| Json(open).into_response())
}

async fn end_device(State(app): State<App>, Path(id): Path<String>, session: Session) -> Response {
    let Some(id) = SessionId::parse(&id) else { return StatusCode::NOT_FOUND.into_response() };
    app.vestibule.end_session(&session, id).await.map_or_else(failed, |found| Json(found).into_response())
}

/// Changes what the session knows of the person.
async fn rename(Path(name): Path<String>, session: Session) -> StatusCode {
    if let Some(mut user) = session.user() {
        user["name"] = name.into();
        session.set_user(&user);
    }
    StatusCode::NO_CONTENT
}

async fn everywhere(State(app): State<App>, session: Session) -> Response {
    app.vestibule
        .log_out_everywhere(&session)
        .await
        .map_or_else(failed, |count| Json::<Value>(count.into()).into_response())
}
