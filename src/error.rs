//! What a client sees when something fails: RFC 9457 problem details, apart from the cause.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// One problem as `application/problem+json` (RFC 9457).
///
/// It holds only what the person may read. The cause belongs in the log, once, where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status of the answer.
    pub status: StatusCode,
    /// One clear sentence, and what to do.
    pub detail: Cow<'static, str>,
    /// The `Retry-After` field in seconds, where trying again makes sense.
    pub retry_after: Option<u32>,
    /// The `Allow` field, which a 405 has to have (RFC 9110 §15.5.6).
    pub allow: Option<&'static str>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// A problem with a status and a sentence for the person.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), retry_after: None, allow: None }
    }

    /// Adds `Retry-After` in seconds (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// A 405 with the methods that would do (RFC 9110 §10.2.1).
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let sentence = "This method is not for this address. Use another.";
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, sentence) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}
