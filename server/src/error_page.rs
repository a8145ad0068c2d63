//! Error pages for browsers that navigate or submit a form; other clients get problem details (RFC 9457) as JSON.

use app::{RefusalPage, Theme};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use leptos::config::LeptosOptions;
use tower_http::catch_panic::CatchPanicLayer;
use vestibule::{accept::wants_page, problem::ProblemDetails, proxy::X_REQUEST_ID, same_origin::Refused};

/// A `ProblemDetails` body has a few hundred bytes.
const MAX_PROBLEM: usize = 16 * 1024;

/// Turns a panic below into a 500 response, and each of our own problem details into a page where a user would see
/// JSON. The API's responses through the proxy do not pass here.
pub(crate) fn wrap(router: Router, options: &LeptosOptions) -> Router {
    router
        .layer(CatchPanicLayer::custom(|_| internal_error().into_response()))
        .layer(from_fn_with_state(options.clone(), replace_problem))
}

async fn replace_problem(State(options): State<LeptosOptions>, request: Request, next: Next) -> Response {
    if !wants_page(request.headers()) {
        return next.run(request).await;
    }
    let id = request.headers().get(X_REQUEST_ID).cloned();
    let theme = Theme::of(request.headers());
    let response = next.run(request).await;
    if is_problem(&response) { from_problem(response, &options, theme, id.as_ref()).await } else { response }
}

/// The page for a request that the same-origin check refused before the proxy.
pub(crate) fn from_refused(refused: &Refused, options: &LeptosOptions) -> Response {
    let ProblemDetails { status, detail, .. } = &refused.problem;
    let page = app::refusal(options, Theme::of(&refused.request), *status, detail, None);
    let (mut parts, body) = (*status, Body::from(page.html)).into_response().into_parts();
    set_page_headers(&mut parts.headers, &page.policy);
    Response::from_parts(parts, body)
}

/// The panic hook has already logged the panic's message.
fn internal_error() -> ProblemDetails {
    ProblemDetails::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side. Try again in a moment.")
}

fn is_problem(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json")
}

async fn from_problem(response: Response, options: &LeptosOptions, theme: Theme, id: Option<&HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    let problem = to_bytes(body, MAX_PROBLEM).await.unwrap_or_default();
    let problem: serde_json::Value = serde_json::from_slice(&problem).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("Something went wrong. Go back and try again.");
    let id = id.and_then(|id| id.to_str().ok()).filter(|_| parts.status.is_server_error());
    let RefusalPage { html, policy } = app::refusal(options, theme, parts.status, detail, id);
    parts.headers.remove(header::CONTENT_LENGTH);
    set_page_headers(&mut parts.headers, &policy);
    Response::from_parts(parts, Body::from(html))
}

fn set_page_headers(headers: &mut HeaderMap, policy: &str) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // The policy consists of ASCII letters, digits and punctuation only.
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
