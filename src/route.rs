//! The routes and layers that [`Vestibule`] adds to a router.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{Html, IntoResponse, Response},
    routing::{any, get},
};
use futures_util::{
    FutureExt,
    future::{Either, ready},
};
use serde::Serialize;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    Vestibule, destination,
    error::Problem,
    proxy::{Busy, Caller, Resolved},
    session::{RETRY_AFTER, Session, UNAVAILABLE, Visit, events},
};

/// The path that tells whether somebody is logged in, and where a `POST` says that they are there.
pub const SESSION_PATH: &str = "/api/session";
/// The path of the event stream that tells open tabs when their session ends.
pub const SESSION_EVENTS_PATH: &str = "/api/session/events";
/// A request with this header, whatever its value, does not prolong an idle session: for polling.
pub const BACKGROUND_HEADER: HeaderName = HeaderName::from_static("x-vestibule-background");

/// After how many seconds an event stream that there was no room for may be asked for again.
const BUSY_RETRY_AFTER: u32 = 30;

impl Vestibule {
    /// `GET` and `POST /api/session`, `GET /api/session/events` and the proxy under its prefix. They
    /// want [`Vestibule::guard`] around them.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let prefix = self.config().proxy.prefix.trim_end_matches('/').to_owned();
        Router::new()
            .route(SESSION_PATH, get(session_status).post(stay))
            .route(SESSION_EVENTS_PATH, get(session_events))
            .route(&prefix, any(forward))
            .route(&format!("{prefix}/"), any(forward))
            .route(&format!("{prefix}/{{*path}}"), any(forward))
            .with_state(self.clone())
    }

    /// Puts the session into each request of `router` and its changes into each answer, and refuses
    /// what comes from other sites.
    ///
    /// The order matters: what is refused never reaches a session, and what a handler makes of the
    /// session is written after it has answered.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        router.layer(from_fn_with_state(self.clone(), with_session)).layer(self.same_origin().clone())
    }

    /// Whether [`Vestibule::forward`] takes a request with this path.
    pub fn is_proxied(&self, path: &str) -> bool {
        self.proxy().takes(path)
    }

    /// Whether [`Vestibule::forward`] passes a request on, or else answers it itself: a log-in, and whatever is
    /// refused.
    pub fn is_forwarded<B>(&self, request: &axum::http::Request<B>) -> bool {
        matches!(self.proxy().resolve(request), Ok(Resolved::Forward(_)))
    }

    /// Answers a request to the proxy from `client`, guarded: the same as [`Vestibule::routes`] within
    /// [`Vestibule::guard`].
    ///
    /// A router allocates and copies for each of its layers and each request, which costs as much as
    /// passing a call on. So a server may tell the proxy's requests apart before its router.
    pub fn forward(&self, request: Request, client: Option<SocketAddr>) -> impl Future<Output = Response> + Send {
        if let Some(refused) = self.same_origin().refuse(&request).or_else(|| destination::refuse(&request)) {
            return Either::Left(ready(refused));
        }
        // Joined rather than awaited one after the other, which would keep room for the request to the end.
        let arriving = self.arrive(Kind::of(&request), request.headers(), client);
        let arrived = arriving.map(move |visit| (visit, request));
        Either::Right(arrived.then(move |(visit, request)| {
            let passed = self.pass_on(&visit.session, client, request);
            passed.then(move |response| self.leave(visit, response))
        }))
    }

    /// The proxy, with a log-in through it being the same operation as anywhere else.
    fn pass_on<'a>(
        &'a self,
        session: &Session,
        client: Option<SocketAddr>,
        request: Request,
    ) -> impl Future<Output = Response> + Send + use<'a> {
        if session.is_unavailable() {
            // The API must not take for an anonymous call what is somebody's.
            return Either::Right(Either::Left(ready(unavailable(wants_page(request.headers())))));
        }
        match self.proxy().resolve(&request) {
            Ok(Resolved::Forward(target)) => {
                Either::Left(self.proxy().forward_for(session.clone(), client, target, request))
            }
            // Rare, and large in memory: boxed, so that all other calls do not carry it around.
            Ok(Resolved::LogIn) => {
                let session = session.clone();
                let logging_in = async move { crate::login::through_proxy(self, &session, request).await };
                Either::Right(Either::Right(logging_in.boxed()))
            }
            Ok(Resolved::Issue(target, issuer)) => {
                let session = session.clone();
                let issuing = async move {
                    crate::login::issue::through_proxy(self, &session, client, (target, issuer), request).await
                };
                Either::Right(Either::Right(issuing.boxed()))
            }
            Err(problem) => Either::Right(Either::Left(ready(problem.into_response()))),
        }
    }

    /// Finds the session of a request.
    fn arrive<'a>(
        &'a self,
        kind: Kind,
        headers: &HeaderMap,
        client: Option<SocketAddr>,
    ) -> impl Future<Output = Visit> + Send + use<'a> {
        let cookies: Vec<HeaderValue> = headers.get_all(header::COOKIE).iter().cloned().collect();
        let client = client.map(|client| self.trusted_proxies().client(headers, client.ip()));
        if client.is_none() {
            self.note_unknown_client();
        }
        let user_agent = headers.get(header::USER_AGENT).cloned();
        let wants_page = wants_page(headers);
        let at = self.sessions().clock().now();
        async move {
            let session = self.sessions().resolve(&cookies, kind.is_passive, at).await;
            if kind.may_log_in {
                session.set_cookies(cookies.clone());
            }
            session.set_client(client);
            session.set_user_agent(user_agent);
            let (_, before) = session.outcome();
            Visit { session, before, cookies, at, wants_page }
        }
    }

    /// Writes what became of the session into the answer.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would keep room for the answer twice")]
    fn leave(&self, visit: Visit, mut response: Response) -> impl Future<Output = Response> + Send {
        async move {
            let written = self.sessions().write(&visit, &mut response).await;
            if written.is_err() || visit.session.was_missed() { unavailable(visit.wants_page) } else { response }
        }
    }
}

/// What kind of request it is to the session.
#[derive(Clone, Copy)]
struct Kind {
    /// Whether it counts as no activity.
    is_passive: bool,
    /// Whether it may be a log-in.
    may_log_in: bool,
}

impl Kind {
    fn of(request: &Request) -> Self {
        let may_log_in = !request.method().is_safe();
        let asks =
            matches!(request.uri().path(), SESSION_PATH | SESSION_EVENTS_PATH) && request.method() != Method::POST;
        Self { is_passive: asks || request.headers().contains_key(BACKGROUND_HEADER), may_log_in }
    }
}

/// What `GET /api/session` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionStatus {
    logged_in: bool,
    user: Option<Value>,
    /// When the API's access token ends, which is renewed where it can be.
    expires_at: Option<String>,
    /// For how many seconds the session goes on when nothing happens in it.
    seconds_left: Option<i64>,
    /// Whether a request puts that off.
    can_be_prolonged: bool,
}

/// Tells whether somebody is logged in, and for how long, from the cookie alone: it never calls the
/// API.
async fn session_status(State(vestibule): State<Vestibule>, session: Session) -> Response {
    let record = session.record();
    let expires_at = record.as_ref().and_then(|record| rfc3339(record.access_expires_at?));
    let left = vestibule.time_left(&session);
    let status = SessionStatus {
        logged_in: record.is_some(),
        user: record.map(|record| record.user_json()),
        expires_at,
        seconds_left: left.map(|left| left.seconds),
        can_be_prolonged: left.is_some_and(|left| left.can_be_prolonged),
    };
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    ([no_store], Json(status)).into_response()
}

/// Tells when the session ends. Each stream takes a permit, and ends when the client takes nothing of it.
async fn session_events(State(vestibule): State<Vestibule>, session: Session) -> Response {
    let Some(record) = session.record() else { return events(session, None).await };
    match vestibule.event_streams().enter(Caller::Session(record.id)) {
        Ok(permit) => events(session, Some(permit)).await.map(|body| vestibule.proxy().limit_unread(body)),
        Err(busy) => {
            let (status, sentence) = match busy {
                Busy::Server => {
                    (StatusCode::SERVICE_UNAVAILABLE, "The server has too many pages open. Try again later.")
                }
                _ => (StatusCode::TOO_MANY_REQUESTS, "You have too many pages open. Close some of them."),
            };
            Problem::new(status, sentence).retry_after(BUSY_RETRY_AFTER).into_response()
        }
    }
}

/// "I am still here": the layer notes the activity. How long the session goes on now is known once the
/// browser has this answer, so that a `GET` tells.
async fn stay(session: Session) -> Response {
    if session.is_logged_in() {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Problem::new(StatusCode::UNAUTHORIZED, "You are not logged in.").into_response()
    }
}

fn rfc3339(seconds: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}

async fn forward(State(vestibule): State<Vestibule>, session: Session, request: Request) -> Response {
    if let Some(refused) = destination::refuse(&request) {
        return refused;
    }
    let client = peer(&request);
    vestibule.pass_on(&session, client, request).await
}

/// Resolves the session before the handler, writes its changes after.
async fn with_session(State(vestibule): State<Vestibule>, mut request: Request, next: Next) -> Response {
    let client = peer(&request);
    let visit = vestibule.arrive(Kind::of(&request), request.headers(), client).await;
    request.extensions_mut().insert(visit.session.clone());
    let response = next.run(request).await;
    vestibule.leave(visit, response).await
}

/// The other end of the connection, where the server says it.
fn peer(request: &Request) -> Option<SocketAddr> {
    request.extensions().get().map(|ConnectInfo(peer): &ConnectInfo<SocketAddr>| *peer)
}

/// Whether a person looks at the answer, rather than a program: whether `Accept` names `text/html`
/// (RFC 9110 §12.5.1).
///
/// ```
/// use http::{HeaderMap, HeaderValue, header};
/// use vestibule::route::wants_page;
///
/// let accept = |kinds| HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(kinds))]);
/// assert!(wants_page(&accept("text/html,*/*;q=0.8")));
/// assert!(!wants_page(&accept("application/json")));
/// ```
pub fn wants_page(headers: &HeaderMap) -> bool {
    let names_it = |value: &HeaderValue| {
        let mut kinds = value.as_bytes().split(|byte| matches!(byte, b',' | b';'));
        kinds.any(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/html"))
    };
    headers.get_all(header::ACCEPT).iter().any(names_it)
}

/// How the page for an outage begins; a constant sentence follows.
const BACK_SOON: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Back in a moment</title>\
                         <h1>Back in a moment</h1><p>";

/// Says that nobody can tell right now who is logged in.
fn unavailable(wants_page: bool) -> Response {
    let mut response = if wants_page {
        (StatusCode::SERVICE_UNAVAILABLE, Html([BACK_SOON, UNAVAILABLE].concat())).into_response()
    } else {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE).into_response()
    };
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER.into());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// Where a future is awaited within another, it is copied into place, and a connection keeps room
    /// for the whole: what is rare in it is to be boxed.
    #[test]
    fn a_call_takes_little_room() {
        let mut config = Config::new("http://127.0.0.1:3000".parse().unwrap());
        config.api.url = Some("http://127.0.0.1:4000".parse().unwrap());
        let vestibule = Vestibule::new(config).unwrap();
        let size = size_of_val(&vestibule.forward(Request::default(), None));
        assert!(size <= 1280, "{size} bytes");
    }
}
