//! What a client sees of a failure: problem details for HTTP APIs (RFC 9457). The cause of a
//! failure of ours is logged here, once, and not shown.

use std::{borrow::Cow, collections::BTreeMap, fmt::Display};

use axum::{
    extract::{
        rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection},
        ws::rejection::WebSocketUpgradeRejection,
    },
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
        },
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// The messages for a form's fields, by field.
pub type FieldErrors = BTreeMap<&'static str, String>;

/// An answer that says what went wrong and what to do about it.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: FieldErrors,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The JSON of a problem. `type` is `about:blank`: the status says it all (RFC 9457 §4.2.1).
#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    errors: &'a FieldErrors,
}

impl Problem {
    /// A problem of this status, with one sentence for the person.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), errors: FieldErrors::new(), headers: Vec::new() }
    }

    /// 400: the request makes no sense.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401: nobody has logged in, or wrongly. RFC 9110 §15.5.2 wants a challenge along with it.
    pub fn unauthorized(detail: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail).with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 401 for a token that was sent and is no good (RFC 6750 §3.1).
    pub fn invalid_token(detail: &'static str) -> Self {
        let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        Self::new(StatusCode::UNAUTHORIZED, detail).with_header(WWW_AUTHENTICATE, challenge)
    }

    /// 404: there is no such thing, or it is another person's.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is nothing at this address.")
    }

    /// 412: the thing has changed since the client saw it.
    pub fn precondition_failed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "This has been changed in the meantime; load it again before changing it.",
        )
    }

    /// 413: the body is larger than `limit` bytes.
    pub fn too_large(limit: u64) -> Self {
        let detail = format!("The body is larger than the {limit} bytes that are allowed.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// 422: these fields have to be mended.
    pub fn invalid(errors: FieldErrors) -> Self {
        let detail = "Some fields need a correction.";
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// 422 with one field to mend.
    pub fn invalid_field(field: &'static str, message: impl Into<String>) -> Self {
        Self::invalid(FieldErrors::from([(field, message.into())]))
    }

    /// 500: our own failure. `cause` goes to the log and no further.
    pub fn internal(doing: &'static str, cause: &dyn Display) -> Self {
        tracing::error!(%cause, "failed {doing}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side; please try again later.")
    }

    /// The same problem with a header more.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Unknown"),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        let mut response = (self.status, axum::Json(&document)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers);
        response
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) {
            tracing::warn!(cause = %error, "the database is too busy");
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The service is too busy; please try again in a moment.",
            )
            .with_header(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Self::internal("to use the database", &error)
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::MissingJsonContentType(_) => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the body as JSON, with the header `Content-Type: application/json`.",
            ),
            JsonRejection::BytesRejection(rejection) => rejection.into(),
            _ => Self::bad_request("The body is not valid JSON."),
        }
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large."),
            _ => Self::bad_request("The body could not be read to its end."),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        // A path that is no UTF-8 names nothing.
        Self::not_found()
    }
}

impl From<QueryRejection> for Problem {
    fn from(_: QueryRejection) -> Self {
        Self::bad_request("The query string is malformed.")
    }
}

impl From<WebSocketUpgradeRejection> for Problem {
    fn from(_: WebSocketUpgradeRejection) -> Self {
        // RFC 9110 §15.5.22 and RFC 6455 §4.4 want these headers.
        Self::new(StatusCode::UPGRADE_REQUIRED, "This address speaks WebSocket alone; send a WebSocket handshake.")
            .with_header(CONNECTION, HeaderValue::from_static("upgrade"))
            .with_header(UPGRADE, HeaderValue::from_static("websocket"))
            .with_header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
    }
}

/// Answers what no route matches.
pub async fn no_route() -> Problem {
    Problem::not_found()
}

/// Answers a method that the route does not have; axum adds `Allow`.
pub async fn no_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This address does not know this method.")
}
