//! The server's half: straight to the API, with the session's token.

use http::{HeaderValue, Method, header};
use vestibule::api_client::ApiCall;

use super::{Answer, Problem, Request};
use crate::respond;

pub(super) async fn send(request: Request) -> Result<Answer, Problem> {
    let (vestibule, session) = respond::visit()?;
    let mut call = ApiCall::new(request.method.parse().unwrap_or(Method::GET), request.path);
    call.body = request.body.and_then(|body| serde_json::from_str(&body).ok());
    if let Some(etag) = request.if_match.and_then(|etag| HeaderValue::try_from(etag).ok()) {
        call.headers.insert(header::IF_MATCH, etag);
    }
    let answer = vestibule.call(&session, call).await?;
    Ok(Answer {
        status: answer.status.as_u16(),
        etag: answer.headers.get(header::ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned),
        body: String::from_utf8_lossy(&answer.body).into_owned(),
    })
}

/// Uploads without an answer are of the browser's half.
pub(super) fn no_answer() -> Problem {
    Problem::of_status(0)
}

/// Whether the session goes on after a 401. If the library has ended it, the page gives way to the
/// log-in page.
#[expect(clippy::unused_async, reason = "the browser's half asks the server")]
pub(super) async fn is_still_logged_in() -> bool {
    let goes_on = respond::session().is_some_and(|session| session.is_logged_in());
    if !goes_on {
        respond::to_login_from_page();
    }
    goes_on
}
