//! Logs: for people on a terminal, JSON otherwise; each line of a request carries its id.

use std::{
    io::{IsTerminal, stdout},
    time::Instant,
};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::{Next, from_fn},
    response::Response,
};
use tracing::{Instrument, Span};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};
use vestibule::random::Random;

use crate::spanned::Spanned;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Starts logging; `VESTIBULE_LOG` sets what is logged, like `debug` or `vestibule=trace`.
pub(crate) fn start() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .with_env_var("VESTIBULE_LOG")
        .from_env_lossy();
    let logs = tracing_subscriber::fmt().with_env_filter(filter);
    // Another subscriber can only be there in a test, and then it serves.
    let _ = if stdout().is_terminal() {
        logs.with_target(false).compact().try_init()
    } else {
        logs.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    };
}

/// Gives each request an id, in its log lines and in its answer.
///
/// A client's own id is replaced: it could be anything. All is done in one layer, since each layer of
/// a router costs every request an allocation and a copy of the services below.
pub(crate) fn trace(router: Router) -> Router {
    router.layer(from_fn(identify))
}

async fn identify(mut request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let id = new_id();
    let span = span(&request, &id);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), latency = ?begin.elapsed(), "answered"));
    response.headers_mut().entry(REQUEST_ID).or_insert(id);
    // A body that is there already is sent without a line for the log.
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| Body::new(Spanned::new(body, span)))
}

/// A random UUID (RFC 9562 §5.4). The generator is this thread's own: asking the operating system
/// would take a system call for each request.
fn new_id() -> HeaderValue {
    let id = uuid::Builder::from_random_bytes(Random::system().bytes()).into_uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    // Hexadecimal digits and hyphens always make a header.
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)).unwrap_or(HeaderValue::from_static("none"))
}

/// The path without its query: queries hold what people search for and, after a failed log-in
/// without JavaScript, their e-mail address.
fn span(request: &Request, id: &HeaderValue) -> Span {
    let id = id.to_str().unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}
