//! The beginning of a session, wherever its tokens came from.

use axum::http::StatusCode;
use serde_json::Value;

use crate::{
    Vestibule,
    session::Session,
    upstream::{Failure, LogIn},
};

impl Vestibule {
    /// Starts a session with the tokens and the person of a log-in; answers the person.
    ///
    /// # Errors
    /// What to tell the person, when the session would not fit into its cookies.
    pub(crate) fn begin(&self, session: &Session, log_in: LogIn, persistent: Option<bool>) -> Result<Value, Failure> {
        let LogIn { tokens, user } = log_in;
        let begun = self.sessions().begin(tokens, user.to_string(), persistent, session.user_agent());
        let (record, ticket) = begun.map_err(|error| {
            tracing::error!(%error, "a log-in does not fit into the session");
            Failure::new(
                StatusCode::BAD_GATEWAY,
                "The service sent more about you than a session holds. Tell its operator.",
            )
        })?;
        tracing::info!(session = ?record.id, "logged in");
        session.begin(record, ticket);
        Ok(user)
    }
}
