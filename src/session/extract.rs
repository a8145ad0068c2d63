//! Extractors for handlers: the session, and the user who is logged in.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use super::Session;
use crate::problem::ProblemDetails;

/// The user who is logged in, as the application's own type `T`.
///
/// The extractor fails with 401 if no user is logged in. `T` is read from the JSON that the contract keeps of the user
/// (`user.keep`).
///
/// ```
/// use serde::Deserialize;
/// use vestibule::session::User;
///
/// #[derive(Deserialize)]
/// struct Account {
///     name: String,
/// }
///
/// async fn greet(User(account): User<Account>) -> String {
///     format!("Hello, {}", account.name)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User<T>(pub T);

/// Why a [`Session`] could not be extracted: the request did not pass the session layer. The response is a 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no session in the request: is `Vestibule::guard` around this route?")]
pub struct MissingSession;

/// Why a [`User`] could not be extracted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserRejection {
    /// The request did not pass the session layer. The response is a 500.
    #[error(transparent)]
    MissingSession(#[from] MissingSession),
    /// No user is logged in. The response is a 401.
    #[error("no user is logged in")]
    NotLoggedIn,
    /// The user's JSON does not fit the type. The response is a 500.
    #[error("the user does not fit the type of the extractor: {0}")]
    Type(#[source] serde_json::Error),
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = MissingSession;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingSession> {
        parts.extensions.get().cloned().ok_or(MissingSession)
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for User<T> {
    type Rejection = UserRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, UserRejection> {
        let session = Session::from_request_parts(parts, state).await?;
        let user = session.user().ok_or(UserRejection::NotLoggedIn)?;
        serde_json::from_value(user).map(Self).map_err(UserRejection::Type)
    }
}

/// Logs the cause; the client gets a sentence without it.
fn internal_error(cause: &dyn std::error::Error) -> Response {
    tracing::error!(error = %cause, "a handler could not be called");
    let sentence = "Something went wrong on our side. Try again later.";
    ProblemDetails::new(StatusCode::INTERNAL_SERVER_ERROR, sentence).into_response()
}

impl IntoResponse for MissingSession {
    fn into_response(self) -> Response {
        internal_error(&self)
    }
}

impl IntoResponse for UserRejection {
    fn into_response(self) -> Response {
        match self {
            Self::NotLoggedIn => {
                ProblemDetails::new(StatusCode::UNAUTHORIZED, "You are not logged in. Log in and try again.")
                    .into_response()
            }
            error => internal_error(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(session: Option<Session>) -> Parts {
        let mut parts = Request::new(()).into_parts().0;
        session.map(|session| parts.extensions.insert(session));
        parts
    }

    #[tokio::test]
    async fn a_missing_session_layer_is_an_error() {
        let rejected = Session::from_request_parts(&mut parts(None), &()).await.unwrap_err();
        assert_eq!(rejected.into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
        let rejected = User::<String>::from_request_parts(&mut parts(None), &()).await.unwrap_err();
        assert!(matches!(rejected, UserRejection::MissingSession(_)));
        assert_eq!(rejected.into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test]
    async fn without_a_login_there_is_a_session_and_no_user() {
        let mut parts = parts(Some(Session::default()));
        assert!(!Session::from_request_parts(&mut parts, &()).await.unwrap().is_logged_in());
        let rejected = User::<String>::from_request_parts(&mut parts, &()).await.unwrap_err();
        assert_eq!(rejected.into_response().status(), StatusCode::UNAUTHORIZED);
    }
}
