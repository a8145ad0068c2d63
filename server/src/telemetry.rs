//! Logs: for people on a terminal, JSON otherwise; each line of a request carries its id.

use std::io::{IsTerminal, stdout};

use axum::{
    Router,
    body::Body,
    http::{HeaderName, Request},
};
use tower_http::{
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    trace::{DefaultOnFailure, DefaultOnRequest, DefaultOnResponse, TraceLayer},
};
use tracing::{Level, Span};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

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
/// A client's own id is replaced: it could be anything.
pub(crate) fn trace(router: Router) -> Router {
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(DefaultOnRequest::new().level(Level::TRACE))
        .on_response(DefaultOnResponse::new().level(Level::DEBUG))
        .on_failure(DefaultOnFailure::new().level(Level::DEBUG));
    router
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(trace)
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(axum::middleware::map_request(drop_foreign_id))
}

async fn drop_foreign_id(mut request: Request<Body>) -> Request<Body> {
    request.headers_mut().remove(REQUEST_ID);
    request
}

/// The path without its query: queries hold what people search for and, after a failed log-in
/// without JavaScript, their e-mail address.
fn span(request: &Request<Body>) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}
