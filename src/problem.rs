//! Error responses to clients: RFC 9457 problem details, without the cause.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// An error response as `application/problem+json` (RFC 9457).
///
/// It holds only text for the user. The cause is logged once, where it occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemDetails {
    /// The HTTP status of the response.
    pub status: StatusCode,
    /// One sentence that says what went wrong and what to do.
    pub detail: Cow<'static, str>,
    /// The `Retry-After` header in seconds, if a retry makes sense.
    pub retry_after: Option<u32>,
    /// The `Allow` header, which a 405 must have (RFC 9110 §15.5.6).
    pub allow: Option<&'static str>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl ProblemDetails {
    /// Creates problem details with a status and a sentence for the user.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), retry_after: None, allow: None }
    }

    /// Adds `Retry-After` in seconds (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Creates a 405 with the allowed methods (RFC 9110 §10.2.1).
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let sentence = "This method is not allowed for this URL. Use one of the methods in `Allow`.";
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, sentence) }
    }
}

impl IntoResponse for ProblemDetails {
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
