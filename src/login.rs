//! A log-in through the proxy: the API's own path, our session.
//!
//! A page that logs in with `POST <proxy>/<login path>`, as it would at the API itself, must not get
//! the token either. So the call is the same operation as the server function: the credentials go to
//! the API, the tokens into the session, and the answer holds the person alone.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use crate::{Vestibule, contract::Contract, error::Problem, secret::Secret, session::Session};

/// Logs in with the fields that the API's own log-in has, as JSON or as a form.
pub(crate) async fn through_proxy(vestibule: &Vestibule, session: &Session, request: Request) -> Response {
    let contract = vestibule.upstream().contract().clone();
    let Some((email, password)) = credentials(&contract, request).await else {
        let sentence = format!(
            "The log-in needs the fields `{}` and `{}`, as JSON or as a form.",
            contract.login.email_field, contract.login.password_field
        );
        return Problem::new(StatusCode::BAD_REQUEST, sentence).into_response();
    };
    match vestibule.log_in(session, &email, &password).await {
        Ok(user) => Json(json!({ "user": user })).into_response(),
        Err(failure) => {
            let problem = Problem { retry_after: failure.retry_after, ..Problem::new(failure.status, failure.message) };
            problem.into_response()
        }
    }
}

async fn credentials(contract: &Contract, request: Request) -> Option<(String, Secret)> {
    let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    // axum's default limit of 2 MiB holds here.
    let body = Bytes::from_request(request, &()).await.ok()?;
    let mut fields: Map<String, Value> = if kind.starts_with("application/json") {
        serde_json::from_slice(&body).ok()?
    } else {
        url::form_urlencoded::parse(&body).map(|(name, value)| (name.into(), value.into())).collect()
    };
    let mut take = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    Some((take(&contract.login.email_field)?, Secret::new(take(&contract.login.password_field)?)))
}
