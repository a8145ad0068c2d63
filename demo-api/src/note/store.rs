//! The rows that hold notes.

use sqlx::SqliteExecutor;

use super::{Note, page::Page};
use crate::database::Database;

/// The note of this id, if it is this owner's.
///
/// # Errors
///
/// When the database fails.
pub async fn find(database: impl SqliteExecutor<'_>, owner: &str, id: &str) -> Result<Option<Note>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, title, body, created_at, updated_at, version
         FROM notes WHERE id = ? AND owner_id = ?",
    )
    .bind(id)
    .bind(owner)
    .fetch_optional(database)
    .await
}

/// An owner's notes on this page, the one changed last first, and how many there are on all pages.
///
/// # Errors
///
/// When the database fails.
pub async fn list(database: &Database, owner: &str, page: &Page) -> Result<(i64, Vec<Note>), sqlx::Error> {
    // Of one snapshot, so that both agree.
    let mut snapshot = database.reader().begin().await?;
    // `instr` knows no wildcards, so there is nothing to escape, and it finds the empty text in all.
    let total = sqlx::query_scalar("SELECT count(*) FROM notes WHERE owner_id = ? AND instr(search_text, ?) > 0")
        .bind(owner)
        .bind(&page.search)
        .fetch_one(&mut *snapshot)
        .await?;
    let notes = sqlx::query_as(
        "SELECT id, title, body, created_at, updated_at, version FROM notes
         WHERE owner_id = ? AND instr(search_text, ?) > 0
         ORDER BY updated_at DESC, rowid DESC LIMIT ? OFFSET ?",
    )
    .bind(owner)
    .bind(&page.search)
    .bind(page.limit)
    .bind(page.skip)
    .fetch_all(&mut *snapshot)
    .await?;
    snapshot.commit().await?;
    Ok((total, notes))
}

/// Adds a note.
///
/// # Errors
///
/// When the database fails.
pub async fn insert(database: impl SqliteExecutor<'_>, owner: &str, note: &Note) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO notes (id, owner_id, title, body, search_text, version, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&note.id)
    .bind(owner)
    .bind(&note.title)
    .bind(&note.body)
    .bind(search_text(note))
    .bind(note.version)
    .bind(note.created_at)
    .bind(note.updated_at)
    .execute(database)
    .await?;
    Ok(())
}

/// Writes a note back.
///
/// # Errors
///
/// When the database fails.
pub async fn update(database: impl SqliteExecutor<'_>, note: &Note) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE notes SET title = ?, body = ?, search_text = ?, version = ?, updated_at = ?
         WHERE id = ?",
    )
    .bind(&note.title)
    .bind(&note.body)
    .bind(search_text(note))
    .bind(note.version)
    .bind(note.updated_at)
    .bind(&note.id)
    .execute(database)
    .await?;
    Ok(())
}

/// Removes a note.
///
/// # Errors
///
/// When the database fails.
pub async fn delete(database: impl SqliteExecutor<'_>, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM notes WHERE id = ?").bind(id).execute(database).await?;
    Ok(())
}

/// What a search looks through. The control character keeps a match from spanning both fields:
/// nobody types it.
fn search_text(note: &Note) -> String {
    format!("{}\u{1f}{}", note.title, note.body).to_lowercase()
}
