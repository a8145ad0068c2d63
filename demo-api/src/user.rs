//! People: sign-up, and the rows that hold them.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use sqlx::{FromRow, SqliteExecutor};

use crate::{
    api::DemoApi,
    clock::Timestamp,
    email,
    field::{Fields, Text},
    problem::Problem,
    route::Route,
    secret::Secret,
};

/// The rule for a person's name.
pub const NAME: Text = Text { key: "name", noun: "a name", least: 1, most: 100, line: true };

/// The rule for a new password.
pub const PASSWORD: Text = Text { key: "password", noun: "a password", least: 8, most: 256, line: false };

/// A person, as everyone who may see them does.
#[derive(Clone, Debug, Serialize, FromRow)]
pub struct User {
    /// UUID.
    pub id: String,
    /// Normalised.
    pub email: String,
    /// What to call them.
    pub name: String,
}

/// Routes of people.
pub fn routes() -> Vec<Route> {
    vec![Route::post("/users", sign_up)]
}

/// `POST /users`
async fn sign_up(State(api): State<DemoApi>, mut fields: Fields) -> Result<(StatusCode, Json<User>), Problem> {
    let email = email::required(&mut fields);
    let name = fields.required(&NAME);
    let password = Secret::new(fields.required(&PASSWORD));
    fields.finish()?;
    // Before the costly hash. The UNIQUE of the table settles a race.
    if with_email(api.database.reader(), &email).await?.is_some() {
        return Err(taken());
    }
    let now = api.clock.now();
    let user = User { id: api.random.id(now), email, name };
    let hash = api.passwords.hash(password).await?;
    insert(api.database.writer(), &user, &hash, now).await.map_err(|error| match error {
        sqlx::Error::Database(error) if error.is_unique_violation() => taken(),
        error => error.into(),
    })?;
    tracing::info!(user = user.id, "signed up");
    Ok((StatusCode::CREATED, Json(user)))
}

fn taken() -> Problem {
    Problem::invalid_field("email", "There is an account with this e-mail address; log in instead.")
}

/// Adds a person.
///
/// # Errors
///
/// A violation of UNIQUE when the e-mail address has an account.
pub async fn insert(
    database: impl SqliteExecutor<'_>,
    user: &User,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO users (id, email, name, password_hash, created_at) VALUES (?, ?, ?, ?, ?)")
        .bind(&user.id)
        .bind(&user.email)
        .bind(&user.name)
        .bind(password_hash)
        .bind(now)
        .execute(database)
        .await?;
    Ok(())
}

/// The person who has this e-mail address, with the password's hash.
///
/// # Errors
///
/// When the database fails.
pub async fn with_email(database: impl SqliteExecutor<'_>, email: &str) -> Result<Option<(User, String)>, sqlx::Error> {
    #[derive(FromRow)]
    struct Row {
        #[sqlx(flatten)]
        user: User,
        password_hash: String,
    }
    let row: Option<Row> = sqlx::query_as("SELECT id, email, name, password_hash FROM users WHERE email = ?")
        .bind(email)
        .fetch_optional(database)
        .await?;
    Ok(row.map(|row| (row.user, row.password_hash)))
}

/// Changes a person's name and password hash, each if it is given.
///
/// # Errors
///
/// When the database fails.
pub async fn change(
    database: impl SqliteExecutor<'_>,
    id: &str,
    name: Option<&str>,
    password_hash: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE users SET name = coalesce(?, name), password_hash = coalesce(?, password_hash)
         WHERE id = ?",
    )
    .bind(name)
    .bind(password_hash)
    .bind(id)
    .execute(database)
    .await?;
    Ok(())
}
