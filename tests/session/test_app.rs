//! A small application behind `Vestibule::guard`, with a stub API and a manual clock.

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
    LoginOptions, Vestibule,
    api_client::{ApiCall, ApiError},
    clock::Clock,
    config::{Config, LoginConfig},
    problem::ProblemDetails,
    random::Random,
    secret::Secret,
    session::{Session, SessionId},
};

use crate::support::{
    browser::{Answer, Browser},
    stub::{PASSWORD, Stub},
};

/// The start time of the tests, in seconds since the epoch.
pub const START: i64 = 1_767_268_800;
/// The key of all replicas.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub struct TestApp {
    pub stub: Stub,
    pub clock: Clock,
    pub origin: String,
    gate: Arc<Gate>,
}

/// The gate at which `/slow` waits.
struct Gate {
    opening: Semaphore,
    /// The number of requests that have arrived so far.
    arrived: AtomicUsize,
}

#[derive(Clone)]
struct AppState {
    vestibule: Vestibule,
    gate: Arc<Gate>,
}

impl TestApp {
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// Opens with a changed configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let stub = Stub::start().await;
        stub.memory().expires_in = Some(900);
        Self::replica(stub, Clock::manual(START), change).await
    }

    /// Opens another replica for the same API, with the same key and clock.
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
            .route("/login/{email}", post(login))
            .route("/logout", post(logout))
            .route("/who", get(who))
            .route("/about", get(async || "about"))
            .route("/public", get(async || ([("cache-control", "public, max-age=3600")], "for everybody")))
            .route("/slow", get(slow))
            .route("/slow/refused", get(slow_refused))
            .route("/slow/name", get(slow_name))
            .route("/slow/login/{email}", post(slow_login))
            .route("/call", get(call))
            .route("/devices", get(devices))
            .route("/devices/{id}/end", post(end_session_of_device))
            .route("/everywhere", post(everywhere))
            .route("/name/{name}", post(rename))
            .with_state(AppState { vestibule: vestibule.clone(), gate: Arc::clone(&gate) });
        let app = vestibule.guard(pages.merge(vestibule.routes()));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { stub, clock, origin, gate }
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    /// Sends a request. When this returns, the request has resolved its session and waits at the gate.
    pub async fn start_slow(&self, browser: &Browser, path: &'static str) -> JoinHandle<(Browser, Answer)> {
        self.start(browser.clone(), browser.request(Method::GET, path)).await
    }

    /// The same for a login, which already has its tokens.
    pub async fn start_slow_login(&self, browser: &Browser, email: &str) -> JoinHandle<(Browser, Answer)> {
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
        panic!("no request arrived at the gate");
    }

    /// Opens the gate for one request.
    pub fn open_gate(&self) {
        self.gate.opening.add_permits(1);
    }

    /// A browser with a logged-in user.
    pub async fn logged_in(&self, email: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.post_form(&format!("/login/{email}"), &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        browser
    }
}

async fn login(
    State(app): State<AppState>,
    Path(email): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    session: Session,
) -> Response {
    let password = Secret::new(PASSWORD);
    let persistent = query.iter().find(|(name, _)| name == "keep").map(|(_, value)| value == "true");
    let outcome = match persistent {
        None => app.vestibule.login(&session, &email, &password).await,
        persistent => {
            let options = LoginOptions { email: &email, password: &password, persistent };
            app.vestibule.login_with(&session, options).await
        }
    };
    outcome.map_or_else(error_response, |user| Json(user).into_response())
}

fn error_response(failure: ApiError) -> Response {
    ProblemDetails { retry_after: failure.retry_after, ..ProblemDetails::new(failure.status, failure.message) }
        .into_response()
}

async fn logout(State(app): State<AppState>, session: Session) -> StatusCode {
    app.vestibule.logout(&session).await;
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

async fn slow(State(app): State<AppState>, session: Session) -> String {
    app.gate.pass().await;
    who(session).await
}

/// A login with a slow response.
async fn slow_login(State(app): State<AppState>, Path(email): Path<String>, session: Session) -> Response {
    let answer = login(State(app.clone()), Path(email), Query(Vec::new()), session).await;
    app.gate.pass().await;
    answer
}

/// Changes the user data of the session, after a while.
async fn slow_name(State(app): State<AppState>, session: Session) -> StatusCode {
    app.gate.pass().await;
    rename(Path("Countess".into()), session).await
}

/// The API's 401 arrives late.
async fn slow_refused(State(app): State<AppState>, session: Session) -> String {
    let token = session.record().unwrap().access_token.clone();
    app.gate.pass().await;
    session.token_rejected(&token);
    who(session).await
}

async fn call(State(app): State<AppState>, session: Session) -> Response {
    match app.vestibule.call(&session, ApiCall::new(Method::GET, "/notes")).await {
        Ok(answer) => (answer.status, answer.body).into_response(),
        Err(failure) => error_response(failure),
    }
}

async fn devices(State(app): State<AppState>, session: Session) -> Response {
    app.vestibule.sessions_of(&session).await.map_or_else(error_response, |open| Json(open).into_response())
}

async fn end_session_of_device(State(app): State<AppState>, Path(id): Path<String>, session: Session) -> Response {
    let Some(id) = SessionId::parse(&id) else { return StatusCode::NOT_FOUND.into_response() };
    app.vestibule.end_session(&session, id).await.map_or_else(error_response, |found| Json(found).into_response())
}

/// Changes the user data of the session.
async fn rename(Path(name): Path<String>, session: Session) -> StatusCode {
    if let Some(mut user) = session.user() {
        user["name"] = name.into();
        session.set_user(&user);
    }
    StatusCode::NO_CONTENT
}

async fn everywhere(State(app): State<AppState>, session: Session) -> Response {
    app.vestibule
        .logout_everywhere(&session)
        .await
        .map_or_else(error_response, |count| Json::<Value>(count.into()).into_response())
}
