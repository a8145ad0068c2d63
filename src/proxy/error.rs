//! Why a call could not be answered: the cause for the log, a sentence for the user.

use std::{error::Error as StdError, io};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header, header::InvalidHeaderValue};

use super::{call_limit::CallLimitReached, http1, token_filter::Finding, trace::X_REQUEST_ID, upload::BodyTooLarge};
use crate::problem::ProblemDetails;

/// Why a call could not be answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("too many calls are under way ({0:?})")]
    CallLimitReached(CallLimitReached),
    #[error("the request body is larger than the limit")]
    BodyTooLarge,
    #[error("the client stopped sending its request body")]
    ClientStalled,
    #[error("the client sent its request body more slowly than `min_upload_rate`")]
    ClientSlow,
    #[error("the upstream stopped taking the request body")]
    UploadStalled,
    #[error("cannot connect to the upstream")]
    Connect(#[source] io::Error),
    #[error("connecting to the upstream took too long")]
    ConnectTimeout,
    #[error("all HTTP/2 streams to the upstream are in use, and `pool_max_http2` connections are open")]
    NoStream,
    #[error("the upstream does not speak HTTP as expected")]
    Handshake(#[source] hyper::Error),
    #[error("the upstream did not begin to answer in time")]
    FirstByteTimeout,
    #[error("the upstream's answer stopped half-way")]
    IdleTimeout,
    #[error("the call failed on its way")]
    Http1(#[source] http1::Error),
    #[error("the upstream's answer broke off")]
    BrokenOff,
    #[error("the call failed on its way over HTTP/2")]
    Dispatch(#[source] hyper::Error),
    #[error("the request body failed")]
    RequestBody(#[source] axum::Error),
    #[error("the request did not come whole")]
    Upload(#[source] http1::Error),
    #[error(transparent)]
    Withheld(Box<Finding>),
    #[error("the session's token fits into no header")]
    Token(#[source] InvalidHeaderValue),
    #[error("the call has no valid path")]
    Path(#[source] http::Error),
    #[error("the session's token was renewed, and the call cannot be repeated from here")]
    Refreshed,
    #[error("the upstream refused the session's token, and it cannot be renewed right now")]
    Unrenewed,
    #[error("the upstream switched to another protocol than asked for")]
    Switched,
    #[error("the answer to a token route {0}")]
    TokenResponse(&'static str),
}

impl ProxyError {
    /// The error of a request that was handed to an HTTP/2 connection.
    pub(super) fn exchange(error: hyper::Error) -> Self {
        if is_too_large(&error) { Self::BodyTooLarge } else { Self::Dispatch(error) }
    }

    fn problem(&self) -> ProblemDetails {
        let (status, sentence) = match self {
            Self::CallLimitReached(CallLimitReached::Server) | Self::NoStream => {
                return busy("The server has too much to do right now. Try again in a moment.");
            }
            Self::CallLimitReached(CallLimitReached::Session) => {
                return busy("You have too many calls under way. Wait for some of them to end.");
            }
            Self::CallLimitReached(CallLimitReached::Address) => {
                return busy("There are too many calls under way from your network. Wait for some of them to end.");
            }
            Self::Refreshed => return busy("Your log-in was renewed in the meantime. Send this again."),
            Self::Unrenewed => return busy("Your log-in cannot be renewed right now. Try again in a moment."),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "This is more than may be sent at once. Send less."),
            Self::ClientStalled | Self::ClientSlow => {
                (StatusCode::REQUEST_TIMEOUT, "The request did not arrive in time. Send it again.")
            }
            Self::ConnectTimeout | Self::FirstByteTimeout | Self::IdleTimeout | Self::UploadStalled => {
                (StatusCode::GATEWAY_TIMEOUT, "The service took too long to answer. Try again in a moment.")
            }
            Self::Withheld(_) => {
                (StatusCode::BAD_GATEWAY, "The service's answer was withheld for your safety. Tell its operator.")
            }
            Self::RequestBody(_) | Self::Upload(_) => {
                (StatusCode::BAD_REQUEST, "The request broke off. Send it again.")
            }
            Self::TokenResponse(_) => {
                (StatusCode::BAD_GATEWAY, "The service gave an answer that cannot be understood. Try again later.")
            }
            Self::Path(_) => (StatusCode::BAD_REQUEST, "The path cannot be passed on. Check it."),
            Self::Connect(_)
            | Self::Handshake(_)
            | Self::Http1(_)
            | Self::BrokenOff
            | Self::Dispatch(_)
            | Self::Token(_)
            | Self::Switched => (StatusCode::BAD_GATEWAY, "The service cannot be reached. Try again in a moment."),
        };
        ProblemDetails::new(status, sentence)
    }

    /// Logs the cause, and responds with what the user may know: no name or address of an upstream.
    pub(super) fn respond(self, id: &HeaderValue, upstream: &str) -> Response {
        let (request_id, cause) = (id.to_str().unwrap_or_default(), causes(&self));
        match &self {
            Self::Withheld(finding) => finding.log(request_id, upstream, "withheld an answer"),
            Self::BodyTooLarge
            | Self::CallLimitReached(CallLimitReached::Session | CallLimitReached::Address)
            | Self::ClientStalled
            | Self::ClientSlow
            | Self::RequestBody(_)
            | Self::Upload(_)
            | Self::Refreshed => {
                tracing::info!(request_id, upstream, error = %self, cause, "refused a call");
            }
            _ => tracing::warn!(request_id, upstream, error = %self, cause, "a call failed"),
        }
        let mut response = self.problem().into_response();
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, id.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        response
    }
}

/// The chain of an error's causes, for the log.
pub(super) fn causes(error: &(dyn StdError + 'static)) -> String {
    causes_of(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes_of<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause: &&'a (dyn StdError + 'static)| (*cause).source())
}

impl From<http1::Error> for ProxyError {
    fn from(error: http1::Error) -> Self {
        match error {
            _ if is_too_large(&error) => Self::BodyTooLarge,
            http1::Error::RequestBody(_) | http1::Error::RequestLength => Self::Upload(error),
            _ => Self::Http1(error),
        }
    }
}

/// Whether it all came of a request body beyond the limit.
fn is_too_large(error: &(dyn StdError + 'static)) -> bool {
    causes_of(error).any(<dyn StdError>::is::<BodyTooLarge>)
}

fn busy(sentence: &'static str) -> ProblemDetails {
    ProblemDetails::new(StatusCode::SERVICE_UNAVAILABLE, sentence).retry_after(1)
}
