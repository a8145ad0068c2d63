//! The start of a session with tokens from any source.

use axum::http::StatusCode;
use serde_json::Value;

use crate::{
    Vestibule,
    api_client::{ApiError, LoginResult},
    session::Session,
};

impl Vestibule {
    /// Starts a session with the tokens and the user of a login. Returns the user.
    ///
    /// # Errors
    /// If the session does not fit into its cookies, with a message for the user.
    pub(crate) fn start_session(
        &self,
        session: &Session,
        login: LoginResult,
        persistent: Option<bool>,
    ) -> Result<Value, ApiError> {
        let LoginResult { tokens, user } = login;
        let created = self.sessions().create(tokens, user.to_string(), persistent, session.user_agent());
        let (record, token) = created.map_err(|error| {
            tracing::error!(%error, "a login does not fit into the session");
            ApiError::new(
                StatusCode::BAD_GATEWAY,
                "The service sent more user data than a session can hold. Contact its operator.",
            )
        })?;
        tracing::info!(session = ?record.id, "logged in");
        session.login(record, token);
        Ok(user)
    }
}
