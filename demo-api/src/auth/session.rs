//! Sessions: each is a family of refresh tokens. Deleting one ends it, with all its tokens.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::{FromRow, Sqlite, SqliteExecutor, Transaction};

use crate::{api::DemoApi, clock::Timestamp, problem::Problem, secret::Secret, user::User};

type Change = Transaction<'static, Sqlite>;

/// A session that was just begun or prolonged.
#[derive(Debug)]
pub struct Granted {
    /// Its id.
    pub session: String,
    /// Whose it is.
    pub user: User,
    /// Good for one use.
    pub refresh_token: Secret,
}

/// Begins a session.
///
/// # Errors
///
/// When the database fails.
pub async fn begin(api: &DemoApi, user: User, user_agent: Option<&str>) -> Result<Granted, sqlx::Error> {
    let now = api.clock.now();
    let session = api.random.id(now);
    let mut change = api.database.begin().await?;
    forget_expired(&mut change, now).await?;
    sqlx::query(
        "INSERT INTO sessions (id, user_id, user_agent, created_at, last_seen_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(&session)
    .bind(&user.id)
    .bind(user_agent)
    .bind(now)
    .bind(now)
    .bind(now.after(api.refresh_token_lifetime))
    .execute(&mut *change)
    .await?;
    let refresh_token = add_refresh_token(api, &mut change, &session, now).await?;
    change.commit().await?;
    Ok(Granted { session, user, refresh_token })
}

/// Takes a refresh token in exchange for the next one. A token that was used before is in two
/// hands: the session ends for both (RFC 9700 §4.14.2).
///
/// # Errors
///
/// 401 when the token is not good.
pub async fn rotate(api: &DemoApi, token: &Secret) -> Result<Granted, Problem> {
    let now = api.clock.now();
    let mut change = api.database.begin().await?;
    let kept = find_refresh_token(&mut change, token).await?.ok_or_else(refused)?;
    if kept.used_at.is_some() {
        sqlx::query("DELETE FROM sessions WHERE id = ?").bind(&kept.session_id).execute(&mut *change).await?;
        change.commit().await?;
        api.events.session_ended(&kept.session_id);
        tracing::warn!(session = kept.session_id, "a refresh token was used twice: session ended");
        return Err(refused());
    }
    if kept.expires_at <= now {
        return Err(refused());
    }
    sqlx::query("UPDATE refresh_tokens SET used_at = ? WHERE digest = ?")
        .bind(now)
        .bind(digest(token))
        .execute(&mut *change)
        .await?;
    sqlx::query("UPDATE sessions SET last_seen_at = ?, expires_at = ? WHERE id = ?")
        .bind(now)
        .bind(now.after(api.refresh_token_lifetime))
        .bind(&kept.session_id)
        .execute(&mut *change)
        .await?;
    let refresh_token = add_refresh_token(api, &mut change, &kept.session_id, now).await?;
    change.commit().await?;
    Ok(Granted { session: kept.session_id, user: kept.user, refresh_token })
}

fn refused() -> Problem {
    Problem::invalid_token("This refresh token is not valid; log in again.")
}

#[derive(FromRow)]
struct KeptRefreshToken {
    session_id: String,
    expires_at: Timestamp,
    used_at: Option<Timestamp>,
    #[sqlx(flatten)]
    user: User,
}

async fn find_refresh_token(change: &mut Change, token: &Secret) -> Result<Option<KeptRefreshToken>, sqlx::Error> {
    sqlx::query_as(
        "SELECT token.session_id, token.expires_at, token.used_at, user.id, user.email, user.name
         FROM refresh_tokens AS token
         JOIN sessions AS session ON session.id = token.session_id
         JOIN users AS user ON user.id = session.user_id
         WHERE token.digest = ?",
    )
    .bind(digest(token))
    .fetch_optional(&mut **change)
    .await
}

async fn add_refresh_token(
    api: &DemoApi,
    change: &mut Change,
    session: &str,
    now: Timestamp,
) -> Result<Secret, sqlx::Error> {
    let token = api.random.token();
    sqlx::query("INSERT INTO refresh_tokens (digest, session_id, expires_at) VALUES (?, ?, ?)")
        .bind(digest(&token))
        .bind(session)
        .bind(now.after(api.refresh_token_lifetime))
        .execute(&mut **change)
        .await?;
    Ok(token)
}

/// A fast hash will do: nobody guesses 256 random bits.
fn digest(token: &Secret) -> Vec<u8> {
    Sha256::digest(token.expose()).to_vec()
}

async fn forget_expired(change: &mut Change, now: Timestamp) -> Result<(), sqlx::Error> {
    for statement in ["DELETE FROM sessions WHERE expires_at <= ?", "DELETE FROM refresh_tokens WHERE expires_at <= ?"]
    {
        sqlx::query(statement).bind(now).execute(&mut **change).await?;
    }
    Ok(())
}

/// A session that has not ended.
#[derive(Debug, FromRow)]
pub struct Live {
    /// Up to a minute ago.
    pub last_seen_at: Timestamp,
    /// Whose it is.
    #[sqlx(flatten)]
    pub user: User,
}

/// The session of this id, if it lives and is this user's.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    database: impl SqliteExecutor<'_>,
    id: &str,
    user: &str,
    now: Timestamp,
) -> Result<Option<Live>, sqlx::Error> {
    sqlx::query_as(
        "SELECT session.last_seen_at, user.id, user.email, user.name
         FROM sessions AS session JOIN users AS user ON user.id = session.user_id
         WHERE session.id = ? AND session.user_id = ? AND session.expires_at > ?",
    )
    .bind(id)
    .bind(user)
    .bind(now)
    .fetch_optional(database)
    .await
}

/// Notes that the session was used.
///
/// # Errors
///
/// When the database fails.
pub async fn touch(database: impl SqliteExecutor<'_>, id: &str, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE sessions SET last_seen_at = ? WHERE id = ?").bind(now).bind(id).execute(database).await?;
    Ok(())
}

/// A session as its owner sees it.
#[derive(Debug, Serialize, FromRow)]
pub struct Listed {
    id: String,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    user_agent: Option<String>,
    current: bool,
}

/// A user's live sessions, the one used last first; `current` marks the one that asks.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    database: impl SqliteExecutor<'_>,
    user: &str,
    current: &str,
    now: Timestamp,
) -> Result<Vec<Listed>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, created_at, last_seen_at, user_agent, id = ? AS current
         FROM sessions WHERE user_id = ? AND expires_at > ?
         ORDER BY last_seen_at DESC, id DESC",
    )
    .bind(current)
    .bind(user)
    .bind(now)
    .fetch_all(database)
    .await
}

/// Which of a user's sessions to end.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// The one of this id.
    One(&'a str),
    /// All but the one of this id.
    AllBut(&'a str),
}

/// Ends sessions of a user. Says how many there were.
///
/// # Errors
///
/// When the database fails.
pub async fn end(api: &DemoApi, user: &str, which: Which<'_>) -> Result<usize, sqlx::Error> {
    let (statement, id) = match which {
        Which::One(id) => ("DELETE FROM sessions WHERE user_id = ? AND id = ? RETURNING id", id),
        Which::AllBut(id) => ("DELETE FROM sessions WHERE user_id = ? AND id <> ? RETURNING id", id),
    };
    let ended: Vec<String> = sqlx::query_scalar(statement).bind(user).bind(id).fetch_all(api.database.writer()).await?;
    for session in &ended {
        api.events.session_ended(session);
    }
    Ok(ended.len())
}
