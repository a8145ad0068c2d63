//! The routes and layers that [`Vestibule`] adds to a router.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{Html, IntoResponse, Response},
    routing::{any, get},
};
use serde::Serialize;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    Vestibule,
    error::Problem,
    proxy::Resolved,
    same_origin::SameOrigin,
    session::{RETRY_AFTER, Session, UNAVAILABLE, Visit, events},
};

/// The path that tells whether somebody is logged in.
pub const SESSION_PATH: &str = "/api/session";
/// The path of the event stream that tells open tabs when their session ends.
pub const SESSION_EVENTS_PATH: &str = "/api/session/events";
/// A request with this header, whatever its value, does not prolong an idle session: for polling.
pub const BACKGROUND_HEADER: HeaderName = HeaderName::from_static("x-vestibule-background");

impl Vestibule {
    /// `GET /api/session`, `GET /api/session/events` and the proxy under its prefix. They want [`Vestibule::guard`] around them.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let prefix = self.config().proxy.prefix.trim_end_matches('/').to_owned();
        Router::new()
            .route(SESSION_PATH, get(session_status))
            .route(SESSION_EVENTS_PATH, get(events))
            .route(&prefix, any(forward))
            .route(&format!("{prefix}/{{*path}}"), any(forward))
            .with_state(self.clone())
    }

    /// Puts the session into each request of `router` and its changes into each answer, and refuses
    /// what comes from other sites.
    ///
    /// The order matters: what is refused never reaches a session, and what a handler makes of the
    /// session is written after it has answered.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        router.layer(from_fn_with_state(self.clone(), with_session)).layer(SameOrigin::new(&self.config().public_url))
    }
}

/// What `GET /api/session` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionStatus {
    logged_in: bool,
    user: Option<Value>,
    expires_at: Option<String>,
}

/// Tells whether somebody is logged in, from the cookie alone: it never calls the API.
async fn session_status(session: Session) -> Response {
    let record = session.record();
    let expires_at = record.as_ref().and_then(|record| rfc3339(record.access_expires_at?));
    let status =
        SessionStatus { logged_in: record.is_some(), user: record.map(|record| record.user_json()), expires_at };
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    ([no_store], Json(status)).into_response()
}

fn rfc3339(seconds: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}

/// The proxy, with a log-in through it being the same operation as anywhere else.
async fn forward(State(vestibule): State<Vestibule>, session: Session, request: Request) -> Response {
    if session.is_unavailable() {
        // The API must not take for an anonymous call what is somebody's.
        return unavailable(request.headers());
    }
    match vestibule.proxy().resolve(&request) {
        Ok(Resolved::Forward(target)) => vestibule.proxy().forward(target, request).await,
        Ok(Resolved::LogIn) => crate::login::through_proxy(&vestibule, &session, request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Resolves the session before the handler, writes its changes after.
async fn with_session(State(vestibule): State<Vestibule>, mut request: Request<Body>, next: Next) -> Response {
    let (cookies, accept) = (fields(request.headers(), &header::COOKIE), fields(request.headers(), &header::ACCEPT));
    let passive = matches!(request.uri().path(), SESSION_PATH | SESSION_EVENTS_PATH)
        || request.headers().contains_key(BACKGROUND_HEADER);
    let sessions = vestibule.sessions();
    let at = sessions.clock().now();
    let session = sessions.resolve(&cookies, passive).await;
    session.set_client(client(&vestibule, &request));
    let (_, before) = session.outcome();
    request.extensions_mut().insert(session.clone());
    let mut response = next.run(request).await;
    let visit = Visit { session, before, cookies, at };
    let written = sessions.write(&visit, &mut response).await;
    if written.is_err() || visit.session.was_missed() { unavailable(&accept) } else { response }
}

/// Says that nobody can tell right now who is logged in.
fn unavailable(headers: &HeaderMap) -> Response {
    let wants_page = headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("text/html")));
    let mut response = if wants_page {
        let page = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Back in a moment</title>\
             <h1>Back in a moment</h1><p>{UNAVAILABLE}</p>"
        );
        (StatusCode::SERVICE_UNAVAILABLE, Html(page)).into_response()
    } else {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE).into_response()
    };
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER.into());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// The client's address: the connection's, or what trusted proxies say.
fn client(vestibule: &Vestibule, request: &Request<Body>) -> Option<IpAddr> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(vestibule.trusted_proxies().client(request.headers(), peer.ip()))
}

/// Fields of the request, kept while the handler owns it.
fn fields(headers: &HeaderMap, name: &HeaderName) -> HeaderMap {
    headers.get_all(name).iter().map(|value| (name.clone(), value.clone())).collect()
}
