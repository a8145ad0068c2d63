//! Sessions that another user gets, or that their user loses.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{State, WebSocketUpgrade},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{
    api,
    program::Program,
    support::{browser::Browser, redis_server::Redis, stub::Stub},
};

const ADA: &str = "ada@example.com";
const POLL_INTERVAL: Duration = Duration::from_millis(5);
const TIMEOUT: Duration = Duration::from_mins(1);

/// A public file that any cache may store.
const CSS: ([(&str, &str); 2], &str) =
    ([("cache-control", "public, max-age=3600"), ("cdn-cache-control", "max-age=3600")], "a{}");

/// An API that accepts each refresh token once, and treats a second use as theft.
#[derive(Clone, Default)]
struct OneTimeRefreshApi(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    /// How often each refresh token gets a 503 before it is accepted.
    failing: usize,
    /// Whether refreshes wait until this is false again.
    holds: bool,
    issued: usize,
    attempts: HashMap<String, usize>,
    used: HashSet<String>,
    /// How often a used token came again.
    reused: usize,
    in_flight: usize,
    /// The maximum number of concurrent refreshes.
    max_in_flight: usize,
    /// The number of successful refreshes.
    refreshed: usize,
}

impl OneTimeRefreshApi {
    async fn start(&self) -> String {
        let router = Router::new()
            .route("/auth/login", post(log_in))
            .route("/auth/refresh", post(refresh))
            .route("/auth/logout", post(async || StatusCode::NO_CONTENT))
            .route("/site.css", get(async || CSS))
            .route("/live", any(live))
            .fallback(any(async || Json(json!([]))))
            .with_state(self.clone());
        api::serve(router).await
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap()
    }

    /// Waits until `condition` is true.
    async fn wait_until(&self, condition: impl Fn(&Memory) -> bool) {
        let end = Instant::now() + TIMEOUT;
        while !condition(&self.memory()) {
            assert!(Instant::now() < end, "timed out");
            sleep(POLL_INTERVAL).await;
        }
    }
}

impl Memory {
    fn issue(&mut self, expires_in: i64) -> Response {
        self.issued += 1;
        let number = self.issued;
        Json(json!({
            "access_token": format!("access-{number}-0123456789abcdef"),
            "refresh_token": format!("refresh-{number}-0123456789abcdef"),
            "expires_in": expires_in,
            "user": {"id": 1, "email": ADA},
        }))
        .into_response()
    }
}

/// The first token expires soon.
async fn log_in(State(api): State<OneTimeRefreshApi>) -> Response {
    api.memory().issue(1)
}

async fn refresh(State(api): State<OneTimeRefreshApi>, Json(fields): Json<Value>) -> Response {
    let token = fields["refresh_token"].as_str().unwrap().to_owned();
    let fails = {
        let mut memory = api.memory();
        memory.in_flight += 1;
        memory.max_in_flight = memory.max_in_flight.max(memory.in_flight);
        let attempts = memory.attempts.entry(token.clone()).or_default();
        *attempts += 1;
        let attempt = *attempts;
        attempt <= memory.failing
    };
    sleep(Duration::from_millis(100)).await;
    while api.memory().holds {
        sleep(POLL_INTERVAL).await;
    }
    let mut memory = api.memory();
    memory.in_flight -= 1;
    if fails {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if !memory.used.insert(token) {
        memory.reused += 1;
        return StatusCode::UNAUTHORIZED.into_response();
    }
    memory.refreshed += 1;
    // So that there are several refreshes.
    let expires_in = if memory.refreshed < 3 { 1 } else { 900 };
    memory.issue(expires_in)
}

/// A WebSocket that stays open, for callers with a token.
async fn live(headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if !headers.contains_key("authorization") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    upgrade.on_upgrade(|mut socket| async move { while socket.recv().await.is_some_and(|message| message.is_ok()) {} })
}

/// A user whose token has just expired.
async fn with_expired_token(server: &Program) -> Browser {
    let ada = server.logged_in(ADA).await;
    // The program's clock is the machine's.
    sleep(Duration::from_millis(1_100)).await;
    ada
}

async fn is_logged_in(browser: &mut Browser) -> bool {
    browser.get("/api/session").await.json()["loggedIn"] == true
}

#[tokio::test]
async fn many_requests_during_an_outage_of_the_api_use_no_refresh_token_twice() {
    let api = OneTimeRefreshApi::default();
    api.memory().failing = 1;
    let server = Program::with(&[("VESTIBULE_API__URL", &api.start().await)]).await;
    let ada = with_expired_token(&server).await;
    let end = Instant::now() + TIMEOUT;
    let tabs = (0..300).map(|_| {
        let (mut tab, api) = (ada.clone(), api.clone());
        tokio::spawn(async move {
            while api.memory().refreshed < 3 && Instant::now() < end {
                assert_eq!(tab.get("/api/proxy/notes").await.status, 200);
            }
            tab
        })
    });
    for tab in futures_util::future::join_all(tabs).await {
        assert!(is_logged_in(&mut tab.unwrap()).await);
    }
    let memory = api.memory();
    assert!(memory.refreshed >= 3, "{} refreshes", memory.refreshed);
    assert_eq!((memory.reused, memory.max_in_flight), (0, 1));
    assert!(memory.attempts.values().all(|attempts| *attempts <= 2), "{:?}", memory.attempts.values());
}

#[tokio::test]
async fn a_shared_cache_gets_no_session_cookie() {
    let url = OneTimeRefreshApi::default().start().await;
    let server = Program::with(&[("VESTIBULE_API__URL", &url), ("VESTIBULE_PROXY__CACHE_CONTROL", "upstream")]).await;
    let mut ada = with_expired_token(&server).await;
    let response = ada.get("/api/proxy/site.css").await;
    assert_eq!(response.set_cookies().len(), 1, "{response:?}");
    assert_eq!(response.headers["cache-control"], "private, no-store");
    assert!(!response.headers.contains_key("cdn-cache-control"), "{response:?}");
}

#[tokio::test]
async fn a_websocket_that_waited_for_a_refresh_does_not_outlive_a_logout() {
    let api = OneTimeRefreshApi::default();
    let server = Program::with(&[("VESTIBULE_API__URL", &api.start().await)]).await;
    let ada = with_expired_token(&server).await;
    api.memory().holds = true;
    let mut socket = open_websocket(&server, &ada).await;
    api.wait_until(|memory| memory.in_flight == 1).await;
    // A background request does not wait for the refresh.
    let logout = ada.request(Method::POST, "/api/logout").header("x-vestibule-background", "1");
    assert!(ada.clone().send(logout).await.status.is_success());
    api.memory().holds = false;
    let mut response = Vec::new();
    let ended = |response: &[u8]| {
        let text = String::from_utf8_lossy(response).into_owned();
        text.starts_with("HTTP/1.1 401") || text.contains("session ended")
    };
    while !ended(&response) {
        let read = timeout(TIMEOUT, socket.read_buf(&mut response)).await.unwrap().unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&response));
    }
}

/// Sends a WebSocket handshake.
async fn open_websocket(server: &Program, browser: &Browser) -> TcpStream {
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let handshake = format!(
        "GET /api/proxy/live HTTP/1.1\r\nhost: {}\r\norigin: {}\r\nsec-fetch-site: same-origin\r\ncookie: {}\r\n\
         connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address(),
        server.origin,
        cookies.join("; "),
    );
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(handshake.as_bytes()).await.unwrap();
    socket
}

/// The client disconnects, the server is stopped, and only then does the API respond.
#[tokio::test]
async fn a_restart_during_a_refresh_logs_no_user_out() {
    let (api, redis) = (OneTimeRefreshApi::default(), Redis::start().await);
    let (url, store) = (api.start().await, redis.url());
    let variables = [
        ("VESTIBULE_API__URL", url.as_str()),
        ("VESTIBULE_SESSION__STORE", &store),
        ("VESTIBULE_SESSION__KEYS", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ];
    let server = Program::with(&variables).await;
    let ada = with_expired_token(&server).await;
    api.memory().holds = true;
    let request = tokio::spawn(ada.request(Method::GET, "/api/proxy/notes").send());
    api.wait_until(|memory| memory.in_flight == 1).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    server.terminate();
    server.logged("stopping").await;
    api.memory().holds = false;
    let (code, log) = server.exited().await;
    assert_eq!(code, Some(0), "{log}");

    let server = Program::with(&variables).await;
    let mut again = server.browser();
    again.cookies = ada.cookies;
    assert_eq!(again.get("/api/proxy/notes").await.status, 200);
    assert!(is_logged_in(&mut again).await);
    assert_eq!(api.memory().reused, 0);
}

#[tokio::test]
async fn a_server_on_another_port_of_the_host_takes_no_session_away() {
    let stub = Stub::start().await;
    let url = stub.url();
    let here = Program::start(&stub).await;
    let there = Program::start(&stub).await;
    let named = Program::with(&[("VESTIBULE_API__URL", &url), ("VESTIBULE_SESSION__COOKIE_NAME", "shop")]).await;
    let mut ada = here.logged_in(ADA).await;
    // One cookie jar for all of them: cookies do not distinguish ports.
    let mut visitor = there.browser();
    visitor.cookies = ada.cookies.clone();
    for path in ["/", "/login", "/api/session", "/api/proxy/notes"] {
        let response = visitor.get(path).await;
        assert!(response.set_cookies().is_empty(), "{path}: {response:?}");
    }
    assert!(!is_logged_in(&mut visitor).await && is_logged_in(&mut ada).await);
    let mut customer = named.logged_in("grace@example.com").await;
    customer.cookies.extend(ada.cookies.clone());
    ada.cookies = customer.cookies.clone();
    assert!(is_logged_in(&mut customer).await && is_logged_in(&mut ada).await, "each server has its own cookie");
    customer.post_form("/api/logout", &[]).await;
    assert!(customer.cookies.contains_key("vestibule") && !customer.cookies.contains_key("shop"));
}
