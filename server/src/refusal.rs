//! Shows a person a page where a program gets problem details (RFC 9457): a browser that goes to an
//! address, or sends a form, has no use for JSON.

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

/// Answers a panic below with 500, and makes a page of each of our own refusals that a person would
/// see as JSON. What the API answers through the proxy does not come this way.
pub(crate) fn pages(router: Router, options: &LeptosOptions) -> Router {
    router.layer(CatchPanicLayer::custom(|_| failed().into_response())).layer(from_fn_with_state(options.clone(), show))
}

async fn show(State(options): State<LeptosOptions>, request: Request, next: Next) -> Response {
    if !wants_page(request.headers()) {
        return next.run(request).await;
    }
    let id = request.headers().get(X_REQUEST_ID).cloned();
    let theme = Theme::of(request.headers());
    let response = next.run(request).await;
    if is_problem(&response) { page(response, &options, theme, id.as_ref()).await } else { response }
}

/// The page for what is refused on its way to the proxy.
pub(crate) fn shown(refused: &Refused, options: &LeptosOptions) -> Response {
    let ProblemDetails { status, detail, .. } = &refused.problem;
    let page = app::refusal(options, Theme::of(&refused.request), *status, detail, None);
    let (mut parts, body) = (*status, Body::from(page.html)).into_response().into_parts();
    set_page_headers(&mut parts.headers, &page.policy);
    Response::from_parts(parts, body)
}

/// The panic's own message is in the log: the panic hook has written it.
fn failed() -> ProblemDetails {
    ProblemDetails::new(StatusCode::INTERNAL_SERVER_ERROR, "Something failed on our side. Try again in a moment.")
}

fn is_problem(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json")
}

async fn page(response: Response, options: &LeptosOptions, theme: Theme, id: Option<&HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    let problem = to_bytes(body, MAX_PROBLEM).await.unwrap_or_default();
    let problem: serde_json::Value = serde_json::from_slice(&problem).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("This did not work. Go back and try again.");
    let id = id.and_then(|id| id.to_str().ok()).filter(|_| parts.status.is_server_error());
    let RefusalPage { html, policy } = app::refusal(options, theme, parts.status, detail, id);
    parts.headers.remove(header::CONTENT_LENGTH);
    set_page_headers(&mut parts.headers, &policy);
    Response::from_parts(parts, Body::from(html))
}

fn set_page_headers(headers: &mut HeaderMap, policy: &str) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // It has letters, digits and punctuation of ASCII alone.
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
