//! What a person is told when the API refuses or fails.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::Value;

use super::ApiAnswer;

/// A refused or failed call, in words for the person. The cause has been logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The status to answer with.
    pub status: StatusCode,
    /// One sentence, and what to do.
    pub message: String,
    /// What is wrong with single fields of a form.
    pub fields: BTreeMap<String, String>,
    /// After how many seconds it makes sense to try again, where that is known.
    pub retry_after: Option<u32>,
}

impl Failure {
    /// A failure with a sentence for the person.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), fields: BTreeMap::new(), retry_after: None }
    }

    /// The API cannot be reached or broke off.
    pub(super) fn unreachable(error: &reqwest::Error) -> Self {
        let status = if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
        tracing::error!(error = %Causes(error), "the API cannot be reached");
        Self::new(status, "The service cannot be reached right now. Try again in a moment.")
    }

    /// The API speaks otherwise than the contract says.
    pub(super) fn contract(cause: &str) -> Self {
        tracing::error!(cause, "the API's answer does not fit its contract");
        Self::new(StatusCode::BAD_GATEWAY, "The service gave an answer that cannot be understood. Try again later.")
    }

    /// The API did not let the person in.
    pub(super) fn of_login(answer: &ApiAnswer) -> Self {
        match answer.status {
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Self::new(answer.status, "E-mail or password is wrong. Check both and try again.")
            }
            StatusCode::UNPROCESSABLE_ENTITY => {
                Self::told(answer, "E-mail or password is wrong. Check both and try again.")
            }
            StatusCode::TOO_MANY_REQUESTS => {
                Self::new(answer.status, "Too many attempts. Wait a minute and try again.")
            }
            _ => Self::unexpected(answer),
        }
    }

    /// The API did not take the new person.
    pub(super) fn of_sign_up(answer: &ApiAnswer) -> Self {
        if answer.status.is_client_error() {
            Self::told(answer, "These details were not accepted. Check them and try again.")
        } else {
            Self::unexpected(answer)
        }
    }

    fn unexpected(answer: &ApiAnswer) -> Self {
        Self::contract(&format!("unexpected status {}", answer.status))
    }

    /// The API's own words, in problem+json (RFC 9457) or as Feathers has them.
    fn told(answer: &ApiAnswer, otherwise: &str) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let sentence = ["/detail", "/message", "/title"]
            .iter()
            .find_map(|pointer| body.pointer(pointer)?.as_str())
            .filter(|text| !text.trim().is_empty() && text.len() <= 500);
        Self { status: answer.status, message: sentence.unwrap_or(otherwise).to_owned(), fields: fields(&body), retry_after: None }
    }
}

/// `errors` as a map of field to text.
fn fields(body: &Value) -> BTreeMap<String, String> {
    let Some(Value::Object(errors)) = body.get("errors") else { return BTreeMap::new() };
    errors.iter().filter_map(|(field, text)| Some((field.clone(), text.as_str()?.to_owned()))).collect()
}

/// An error with its causes on one line; the URL's query stays out.
struct Causes<'a>(&'a reqwest::Error);

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.0.url().map_or("", |url| url.path());
        write!(f, "{}", if self.0.is_timeout() { "timeout" } else { "request failed" })?;
        let mut cause = std::error::Error::source(self.0);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        write!(f, " (path {path})")
    }
}
