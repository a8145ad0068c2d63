//! Handlers that give and take tokens.

use axum::{
    Json,
    extract::State,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, USER_AGENT},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    bearer::Session,
    session::{self, Granted, Which},
};
use crate::{
    api::DemoApi,
    email,
    field::{Fields, Text},
    problem::Problem,
    secret::Secret,
    user::{self, User},
};

/// Whatever was typed: the rule for new passwords may have been another one once.
const ANY_PASSWORD: Text = Text { key: "password", noun: "the password", least: 1, most: 4096, line: false };

const REFRESH_TOKEN: Text = Text { key: "refresh_token", noun: "the refresh token", least: 1, most: 4096, line: false };

/// How much of a `User-Agent` is kept, in bytes.
const USER_AGENT_LENGTH: usize = 256;

/// The answer to a log-in or a refresh, with OAuth's names (RFC 6749 §5.1).
#[derive(Serialize)]
struct Tokens {
    access_token: Secret,
    refresh_token: Secret,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    user: User,
}

/// `POST /auth/login`
pub async fn log_in(State(api): State<DemoApi>, headers: HeaderMap, mut fields: Fields) -> Result<Response, Problem> {
    let email = email::required(&mut fields);
    let password = Secret::new(fields.required(&ANY_PASSWORD));
    fields.finish()?;
    let (user, hash) = user::with_email(api.database.reader(), &email).await?.unzip();
    let right = api.passwords.verify(password, hash).await?;
    let Some(user) = user.filter(|_| right) else {
        return Err(Problem::unauthorized("The e-mail address or the password is wrong."));
    };
    let granted = session::begin(&api, user, user_agent(&headers)).await?;
    tracing::info!(user = granted.user.id, session = granted.session, "logged in");
    answer(&api, granted)
}

/// `POST /auth/refresh`
pub async fn refresh(State(api): State<DemoApi>, mut fields: Fields) -> Result<Response, Problem> {
    let token = Secret::new(fields.required(&REFRESH_TOKEN));
    fields.finish()?;
    let granted = session::rotate(&api, &token).await?;
    answer(&api, granted)
}

/// `POST /auth/logout`
pub async fn log_out(State(api): State<DemoApi>, session: Session) -> Result<StatusCode, Problem> {
    session::end(&api, &session.user.id, Which::One(&session.id)).await?;
    tracing::info!(user = session.user.id, session = session.id, "logged out");
    Ok(StatusCode::NO_CONTENT)
}

fn answer(api: &DemoApi, granted: Granted) -> Result<Response, Problem> {
    let Granted { session, user, refresh_token } = granted;
    let access_token = api.access_tokens.issue(&user.id, &session, api.clock.now(), &api.random)?;
    let tokens = Tokens {
        access_token,
        refresh_token,
        token_type: "Bearer",
        expires_in: api.access_tokens.lifetime().as_secs(),
        user,
    };
    let headers = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, Json(tokens)).into_response())
}

fn user_agent(headers: &HeaderMap) -> Option<&str> {
    // `to_str` gives visible ASCII alone, so each byte is a character.
    let text = headers.get(USER_AGENT)?.to_str().ok()?;
    text.get(..USER_AGENT_LENGTH.min(text.len()))
}
