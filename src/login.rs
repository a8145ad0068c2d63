//! Logins through the proxy, at the API's own path.
//!
//! A page that logs in with `POST <proxy>/<login path>`, as it would at the API itself, must not get the token either.
//! So the call is the same operation as the server function: the credentials go to the API, the tokens into the
//! session, and the response contains only the user.

mod credentials;
mod session_start;
pub(crate) mod token_route;

pub use self::credentials::LoginOptions;
use axum::{
    Json,
    body::{Bytes, to_bytes},
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::{
    Vestibule, api_client::ApiError, contract::Contract, problem::ProblemDetails, secret::Secret, session::Session,
};

/// The maximum size of a login body, in bytes.
const MAX_BODY: usize = 2 << 20;

/// Logs in with the fields of the API's own login, as JSON or as a form.
pub(crate) async fn through_proxy(vestibule: &Vestibule, session: &Session, request: Request) -> Response {
    let contract = vestibule.upstream().contract().clone();
    let kind = request.headers().get(header::CONTENT_TYPE).cloned();
    let limit = vestibule.config().proxy.idle_timeout.duration();
    let Ok(body) = timeout(limit, to_bytes(request.into_body(), MAX_BODY)).await else {
        let sentence = "The request did not arrive in time. Send it again.";
        return ProblemDetails::new(StatusCode::REQUEST_TIMEOUT, sentence).into_response();
    };
    let kind = kind.as_ref().and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let Some((email, password)) = body.ok().and_then(|body| credentials(&contract, kind, &body)) else {
        let sentence = format!(
            "The login needs the fields `{}` and `{}`, as JSON or as a form.",
            contract.login.email_field, contract.login.password_field
        );
        return ProblemDetails::new(StatusCode::BAD_REQUEST, sentence).into_response();
    };
    match vestibule.login(session, &email, &password).await {
        Ok(user) => Json(json!({ "user": user })).into_response(),
        Err(failure) => problem(failure).into_response(),
    }
}

/// Converts an API error to problem details for a client of the proxy.
fn problem(failure: ApiError) -> ProblemDetails {
    ProblemDetails { retry_after: failure.retry_after, ..ProblemDetails::new(failure.status, failure.message) }
}

fn credentials(contract: &Contract, kind: &str, body: &Bytes) -> Option<(String, Secret)> {
    let mut fields: Map<String, Value> = if kind.to_ascii_lowercase().starts_with("application/json") {
        serde_json::from_slice(body).ok()?
    } else {
        url::form_urlencoded::parse(body).map(|(name, value)| (name.into(), value.into())).collect()
    };
    let mut take = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    Some((take(&contract.login.email_field)?, Secret::new(take(&contract.login.password_field)?)))
}
