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
    /// For how many seconds the session goes on when nothing happens in it.
    pub(crate) seconds_left: Option<u32>,
    /// Whether a request puts that off.
    pub(crate) can_be_prolonged: bool,
    /// For how many seconds a session like this one goes on at most; only a page tells it.
    pub(crate) seconds_at_most: Option<u32>,
}

/// The session as it is now, where the server writes a page.
#[cfg(feature = "ssr")]
pub(crate) fn of_request() -> SessionInfo {
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};

    let Ok((vestibule, session)) = crate::respond::visit() else { return SessionInfo::default() };
    let Some(record) = session.record() else { return SessionInfo::default() };
    let end = record.access_expires_at.and_then(|end| OffsetDateTime::from_unix_timestamp(end).ok());
    let left = vestibule.time_left(&session);
    let terms = &vestibule.config().session;
    let token = record.access_expires_at.filter(|_| record.refresh_token.is_none()).map(|end| end - record.issued_at);
    let at_most = terms.idle_lifetime.min(terms.absolute_lifetime).min(token.unwrap_or(i64::MAX));
    SessionInfo {
        user: Some(User::from_json(record.user_json())),
        expires_at: end.and_then(|end| end.format(&Rfc3339).ok()),
        seconds_left: left.and_then(|left| left.seconds.try_into().ok()),
        can_be_prolonged: left.is_some_and(|left| left.can_be_prolonged),
        seconds_at_most: at_most.try_into().ok(),
    }
}

/// The session as it is now.
///
/// # Errors
/// In the browser, when the server cannot be reached.
#[cfg(feature = "ssr")]
#[expect(clippy::unused_async, reason = "the browser's half waits for an answer")]
pub(crate) async fn current() -> Result<SessionInfo, Problem> {
    Ok(of_request())
}

/// The session as it is now.
///
/// # Errors
/// When the server cannot be reached.
#[cfg(not(feature = "ssr"))]
pub(crate) async fn current() -> Result<SessionInfo, Problem> {
    super::browser::get(SESSION).await?.success()?.json()
}

#[cfg(not(feature = "ssr"))]
const SESSION: &str = "/api/session";

/// Says that the person is still here, which prolongs the session.
///
/// # Errors
/// When the server cannot be reached, or there is no session any more.
#[cfg(not(feature = "ssr"))]
pub(crate) async fn stay() -> Result<(), Problem> {
    super::browser::post_form(SESSION, "").await?.success().map(drop)
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
    send(path, fields).await?.json()
}

/// What is the same for every answer.
#[cfg(not(feature = "ssr"))]
async fn send(path: &'static str, fields: crate::component::Fields) -> Result<super::Answer, Problem> {
    let answer = super::browser::post_form(path, &fields.encode()).await?;
    if answer.status == 401 {
        super::browser::follow_session().await;
    }
    answer.success()
}

/// Forms are posted by browsers alone.
#[cfg(feature = "ssr")]
#[expect(clippy::unused_async, reason = "the browser's half waits for an answer")]
pub(crate) async fn post<T>(_: &'static str, _: crate::component::Fields) -> Result<T, Problem> {
    Err(Problem::of_status(500))
}
