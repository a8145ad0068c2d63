//! Who calls: the extractor that wants a live session's access token.

use std::time::Duration;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};

use super::session;
use crate::{api::DemoApi, problem::Problem, user::User};

/// `last_seen_at` is no more precise than this: not every read has to be a write.
const SEEN_PRECISION: Duration = Duration::from_mins(1);

/// A live session and whose it is. A handler that takes it answers 401 to everybody else.
#[derive(Clone, Debug)]
pub struct Session {
    /// UUID.
    pub id: String,
    /// Who logged in.
    pub user: User,
}

impl FromRequestParts<DemoApi> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &DemoApi) -> Result<Self, Problem> {
        let now = api.clock.now();
        let claims = api.access_tokens.read(token(&parts.headers)?, now)?;
        let live = session::find(api.database.reader(), &claims.sid, &claims.sub, now)
            .await?
            .ok_or_else(|| Problem::invalid_token("This session has ended; log in again."))?;
        if live.last_seen_at <= now.before(SEEN_PRECISION) {
            session::touch(api.database.writer(), &claims.sid, now).await?;
        }
        Ok(Self { id: claims.sid, user: live.user })
    }
}

/// The token of the one `Authorization: Bearer` (RFC 6750 §2.1).
fn token(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| Problem::unauthorized("Log in first."))?;
    if values.next().is_some() {
        // RFC 6750 §3.1: more than one credential is a malformed request.
        return Err(Problem::bad_request("Send one `Authorization` header and no more."));
    }
    value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| Problem::unauthorized("Send the header `Authorization: Bearer <token>`."))
}
