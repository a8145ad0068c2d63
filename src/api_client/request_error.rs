//! Why a call of the contract brought nothing: the cause for the operator, before anybody is told.

use axum::http::StatusCode;

use super::ApiError;

/// An error between this server and the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RequestError {
    /// No response, or only a part of one.
    Unreachable { cause: String, timeout: bool },
    /// A response that the contract does not describe.
    Contract(String),
}

impl RequestError {
    pub(super) fn unreachable(error: &reqwest::Error) -> Self {
        Self::Unreachable { cause: causes(error), timeout: error.is_timeout() }
    }

    /// The cause, for an operator.
    pub(super) fn cause(&self) -> &str {
        match self {
            Self::Unreachable { cause, .. } | Self::Contract(cause) => cause,
        }
    }

    /// Logs the cause. For callers that do not convert the error into an [`ApiError`].
    pub(super) fn log(&self) {
        match self {
            Self::Unreachable { cause, .. } => tracing::error!(cause, "the API cannot be reached"),
            Self::Contract(cause) => tracing::error!(cause, "the API's answer does not fit its contract"),
        }
    }
}

/// Logs the cause, and keeps the sentence for the user.
impl From<RequestError> for ApiError {
    fn from(request_error: RequestError) -> Self {
        request_error.log();
        match request_error {
            RequestError::Unreachable { timeout, .. } => Self::new(
                if timeout { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY },
                "The service cannot be reached right now. Try again in a moment.",
            ),
            RequestError::Contract(_) => Self::new(
                StatusCode::BAD_GATEWAY,
                "The service gave an answer that cannot be understood. Try again later.",
            ),
        }
    }
}

/// An error with its causes on one line; the URL's query stays out.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::from(if error.is_timeout() { "timeout" } else { "request failed" });
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    let path = error.url().map_or("", |url| url.path());
    format!("{text} (path {path})")
}
