//! Handlers of the account and its sessions.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    bearer::Session,
    session::{self, Listed, Which},
};
use crate::{
    api::DemoApi,
    extract::Path,
    field::{Fields, Text},
    problem::Problem,
    secret::Secret,
    user::{self, User},
};

const CURRENT_PASSWORD: Text =
    Text { key: "current_password", noun: "your current password", least: 1, most: 4096, line: false };

/// `GET /auth/me`
pub async fn read(session: Session) -> Json<User> {
    Json(session.user)
}

/// `PATCH /auth/me`: name and password, each if it is given. A new password ends the person's
/// other sessions: whoever knew the old one is out.
pub async fn change(State(api): State<DemoApi>, session: Session, mut fields: Fields) -> Result<Json<User>, Problem> {
    let Session { id, mut user } = session;
    let name = fields.optional(&user::NAME);
    let password = fields.optional(&user::PASSWORD).map(Secret::new);
    let current = password.is_some().then(|| Secret::new(fields.required(&CURRENT_PASSWORD)));
    fields.finish()?;
    let hash = match (password, current) {
        (Some(password), Some(current)) => {
            let (_, kept) = user::with_email(api.database.reader(), &user.email).await?.unzip();
            if !api.passwords.verify(current, kept).await? {
                let message = "This is not your current password.";
                return Err(Problem::invalid_field(CURRENT_PASSWORD.key, message));
            }
            Some(api.passwords.hash(password).await?)
        }
        _ => None,
    };
    user::change(api.database.writer(), &user.id, name.as_deref(), hash.as_deref()).await?;
    if hash.is_some() {
        session::end(&api, &user.id, Which::AllBut(&id)).await?;
        tracing::info!(user = user.id, "changed the password");
    }
    user.name = name.unwrap_or(user.name);
    Ok(Json(user))
}

/// `GET /auth/sessions`
pub async fn list_sessions(State(api): State<DemoApi>, session: Session) -> Result<Json<Vec<Listed>>, Problem> {
    let now = api.clock.now();
    let sessions = session::list(api.database.reader(), &session.user.id, &session.id, now).await?;
    Ok(Json(sessions))
}

/// `DELETE /auth/sessions`: all but the one that asks.
pub async fn end_other_sessions(State(api): State<DemoApi>, session: Session) -> Result<StatusCode, Problem> {
    session::end(&api, &session.user.id, Which::AllBut(&session.id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /auth/sessions/{id}`
pub async fn end_session(
    State(api): State<DemoApi>,
    session: Session,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    match session::end(&api, &session.user.id, Which::One(&id)).await? {
        0 => Err(Problem::not_found()),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
