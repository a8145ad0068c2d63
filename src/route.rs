//! The routes and layers of [`Vestibule`] for a router.

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
    Vestibule,
    accept::wants_page,
    destination,
    problem::ProblemDetails,
    proxy::{CallLimitReached, Caller, Resolved},
    session::{RETRY_AFTER, RequestContext, Session, UNAVAILABLE, event_stream},
};

/// The path of the session: `GET` returns its status, `POST` records activity.
pub const SESSION_PATH: &str = "/api/session";
/// The path of the event stream that tells open tabs when their session ends.
pub const SESSION_EVENTS_PATH: &str = "/api/session/events";
/// A request with this header, of any value, does not prolong the session. For polling.
pub const BACKGROUND_HEADER: HeaderName = HeaderName::from_static("x-vestibule-background");

/// The `Retry-After` for an event stream beyond the limits, in seconds.
const BUSY_RETRY_AFTER: u32 = 30;

impl Vestibule {
    /// The routes `GET` and `POST /api/session`, `GET /api/session/events` and the proxy under its prefix. They require
    /// [`Vestibule::guard`].
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let prefix = self.config().proxy.prefix.trim_end_matches('/').to_owned();
        Router::new()
            .route(SESSION_PATH, get(session_status).post(keep_alive))
            .route(SESSION_EVENTS_PATH, get(session_events))
            .route(&prefix, any(forward))
            .route(&format!("{prefix}/"), any(forward))
            .route(&format!("{prefix}/{{*path}}"), any(forward))
            .with_state(self.clone())
    }

    /// Adds the layers to `router`: puts the session into each request and its changes into each response, and refuses
    /// cross-site requests.
    ///
    /// The order matters: a refused request never resolves a session, and the changes of a handler are committed after it
    /// has responded.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        router.layer(from_fn_with_state(self.clone(), session_layer)).layer(self.same_origin().clone())
    }

    /// Whether [`Vestibule::forward`] handles requests with this path.
    pub fn is_proxied(&self, path: &str) -> bool {
        self.proxy().takes(path)
    }

    /// Whether [`Vestibule::forward`] forwards a request to the API, rather than responding itself (a login or a
    /// refusal).
    pub fn is_forwarded<B>(&self, request: &axum::http::Request<B>) -> bool {
        matches!(self.proxy().resolve(request), Ok(Resolved::Forward(_)))
    }

    /// Handles a request to the proxy from `client`, with the same checks as [`Vestibule::routes`] within
    /// [`Vestibule::guard`].
    ///
    /// A router allocates and copies for each layer and request, which costs as much as forwarding. So a server may
    /// route the proxy's requests before its router.
    pub fn forward(&self, request: Request, client: Option<SocketAddr>) -> impl Future<Output = Response> + Send {
        if let Some(refused) = self.same_origin().refuse(&request).or_else(|| destination::refuse(&request)) {
            return Either::Left(ready(refused));
        }
        // Chained with `then`, not awaited in sequence: an `async fn` would keep `request` in its state until it ends.
        let resolving = self.resolve_session(RequestKind::of(&request), request.headers(), client);
        let resolved = resolving.map(move |context| (context, request));
        Either::Right(resolved.then(move |(context, request)| {
            let dispatched = self.dispatch(&context.session, client, request);
            dispatched.then(move |response| self.commit_session(context, response))
        }))
    }

    /// Dispatches a request to the proxy. A login through the proxy is the same operation as any other login.
    fn dispatch<'a>(
        &'a self,
        session: &Session,
        client: Option<SocketAddr>,
        request: Request,
    ) -> impl Future<Output = Response> + Send + use<'a> {
        if session.is_unavailable() {
            // The API must not take the call of a logged-in user for an anonymous one.
            return Either::Right(Either::Left(ready(unavailable(wants_page(request.headers())))));
        }
        match self.proxy().resolve(&request) {
            Ok(Resolved::Forward(target)) => {
                Either::Left(self.proxy().forward_for(session.clone(), client, target, request))
            }
            // Rare futures are boxed, so that they do not enlarge the future of every call.
            Ok(Resolved::Login) => {
                let session = session.clone();
                let logging_in = async move { crate::login::through_proxy(self, &session, request).await };
                Either::Right(Either::Right(logging_in.boxed()))
            }
            Ok(Resolved::Issue(target, issuer)) => {
                let session = session.clone();
                let issuing = async move {
                    crate::login::token_route::through_proxy(self, &session, client, (target, issuer), request).await
                };
                Either::Right(Either::Right(issuing.boxed()))
            }
            Err(problem) => Either::Right(Either::Left(ready(problem.into_response()))),
        }
    }

    /// Resolves the session of a request.
    fn resolve_session<'a>(
        &'a self,
        kind: RequestKind,
        headers: &HeaderMap,
        client: Option<SocketAddr>,
    ) -> impl Future<Output = RequestContext> + Send + use<'a> {
        let cookies: Vec<HeaderValue> = headers.get_all(header::COOKIE).iter().cloned().collect();
        let client = client.map(|client| self.trusted_proxies().client(headers, client.ip()));
        if client.is_none() {
            self.note_unknown_client();
        }
        let user_agent = headers.get(header::USER_AGENT).cloned();
        let wants_page = wants_page(headers);
        let received_at = self.sessions().clock().now();
        async move {
            let session = self.sessions().resolve(&cookies, kind.is_passive, received_at).await;
            if kind.may_be_login {
                session.set_cookies(cookies.clone());
            }
            session.set_client(client);
            session.set_user_agent(user_agent);
            let (_, before) = session.outcome();
            RequestContext { session, before, cookies, received_at, wants_page }
        }
    }

    /// Commits the session into the response.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would hold the response twice")]
    fn commit_session(&self, context: RequestContext, mut response: Response) -> impl Future<Output = Response> + Send {
        async move {
            let written = self.sessions().commit(&context, &mut response).await;
            if written.is_err() || context.session.was_read_while_unavailable() {
                unavailable(context.wants_page)
            } else {
                response
            }
        }
    }
}

/// How a request affects the session.
#[derive(Clone, Copy)]
struct RequestKind {
    /// Whether the request does not count as activity.
    is_passive: bool,
    /// Whether the request may be a login.
    may_be_login: bool,
}

impl RequestKind {
    fn of(request: &Request) -> Self {
        let may_be_login = !request.method().is_safe();
        let reads_status =
            matches!(request.uri().path(), SESSION_PATH | SESSION_EVENTS_PATH) && request.method() != Method::POST;
        Self { is_passive: reads_status || request.headers().contains_key(BACKGROUND_HEADER), may_be_login }
    }
}

/// The response body of `GET /api/session`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionStatus {
    logged_in: bool,
    user: Option<Value>,
    /// When the API's access token expires. It is refreshed if possible.
    expires_at: Option<String>,
    /// The seconds until the session ends without further activity.
    seconds_left: Option<i64>,
    /// Whether a request prolongs that.
    can_be_prolonged: bool,
}

/// Returns whether a user is logged in, and for how long. Never calls the API.
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

/// Streams the end of the session. Each stream takes a permit, and is closed if the client stops reading.
async fn session_events(State(vestibule): State<Vestibule>, session: Session) -> Response {
    let Some(record) = session.record() else { return event_stream(session, ()).await };
    match vestibule.event_streams().enter(Caller::Session(record.id)) {
        Ok(permit) => event_stream(session, permit).await.map(|body| vestibule.proxy().limit_unread(body)),
        Err(busy) => {
            let (status, sentence) = match busy {
                CallLimitReached::Server => {
                    (StatusCode::SERVICE_UNAVAILABLE, "The server has too many pages open. Try again later.")
                }
                _ => (StatusCode::TOO_MANY_REQUESTS, "You have too many pages open. Close some of them."),
            };
            ProblemDetails::new(status, sentence).retry_after(BUSY_RETRY_AFTER).into_response()
        }
    }
}

/// Keeps the session alive: the layer records the activity. The new remaining time is only known after this response,
/// so a `GET` returns it.
async fn keep_alive(session: Session) -> Response {
    if session.is_logged_in() {
        StatusCode::NO_CONTENT.into_response()
    } else {
        ProblemDetails::new(StatusCode::UNAUTHORIZED, "You are not logged in.").into_response()
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
    vestibule.dispatch(&session, client, request).await
}

/// Resolves the session before the handler, and commits its changes after it.
async fn session_layer(State(vestibule): State<Vestibule>, mut request: Request, next: Next) -> Response {
    let client = peer(&request);
    let context = vestibule.resolve_session(RequestKind::of(&request), request.headers(), client).await;
    request.extensions_mut().insert(context.session.clone());
    let response = next.run(request).await;
    vestibule.commit_session(context, response).await
}

/// The peer address of the connection, if the server provides it.
fn peer(request: &Request) -> Option<SocketAddr> {
    request.extensions().get().map(|ConnectInfo(peer): &ConnectInfo<SocketAddr>| *peer)
}

/// The beginning of the page for an outage. A constant sentence follows.
const BACK_SOON: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Back in a moment</title>\
                         <h1>Back in a moment</h1><p>";

/// The response while the session store is unavailable.
fn unavailable(wants_page: bool) -> Response {
    let mut response = if wants_page {
        (StatusCode::SERVICE_UNAVAILABLE, Html([BACK_SOON, UNAVAILABLE].concat())).into_response()
    } else {
        ProblemDetails::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE).into_response()
    };
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER.into());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// A future contains all futures that it awaits, and each connection allocates the whole: box rare futures.
    #[test]
    fn the_future_of_a_call_is_small() {
        let mut config = Config::new("http://127.0.0.1:3000".parse().unwrap());
        config.api.url = Some("http://127.0.0.1:4000".parse().unwrap());
        let vestibule = Vestibule::new(config).unwrap();
        let size = size_of_val(&vestibule.forward(Request::default(), None));
        assert!(size <= 1280, "{size} bytes");
    }
}
