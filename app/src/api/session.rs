//! Whether somebody is logged in, and logging in and out.

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::user::User;

/// The session as `GET /api/session` tells it. The token is not part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SessionInfo {
    pub(crate) user: Option<User>,
    /// When the API's access token ends (RFC 3339), where it is known.
    pub(crate) expires_at: Option<String>,
}

/// The session as it is now.
///
/// # Errors
/// In the browser, when the server cannot be reached.
#[cfg(feature = "ssr")]
#[expect(clippy::unused_async, reason = "the browser's half waits for an answer")]
pub(crate) async fn current() -> Result<SessionInfo, Problem> {
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};

    let Some(record) = crate::respond::session().and_then(|session| session.record()) else {
        return Ok(SessionInfo::default());
    };
    let end = record.access_expires_at.and_then(|end| OffsetDateTime::from_unix_timestamp(end).ok());
    Ok(SessionInfo {
        user: Some(User::from_json(record.user_json())),
        expires_at: end.and_then(|end| end.format(&Rfc3339).ok()),
    })
}

/// The session as it is now.
///
/// # Errors
/// When the server cannot be reached.
#[cfg(not(feature = "ssr"))]
pub(crate) async fn current() -> Result<SessionInfo, Problem> {
    super::browser::get("/api/session").await?.success()?.json()
}

/// Posts a form to a server function, as the browser would without JavaScript, and reads its answer.
///
/// # Errors
/// What to tell the person.
#[cfg(not(feature = "ssr"))]
pub(crate) async fn post<T: serde::de::DeserializeOwned>(
    path: &'static str,
    fields: crate::component::Fields,
) -> Result<T, Problem> {
    let answer = super::browser::post_form(path, &fields.encode()).await?;
    if answer.status == 401 {
        super::browser::follow_session().await;
    }
    answer.success()?.json()
}

/// Forms are posted by browsers alone.
#[cfg(feature = "ssr")]
#[expect(clippy::unused_async, reason = "the browser's half waits for an answer")]
pub(crate) async fn post<T>(_: &'static str, _: crate::component::Fields) -> Result<T, Problem> {
    Err(Problem::of_status(500))
}
