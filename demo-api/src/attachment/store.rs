//! The rows that describe attachments.

use std::collections::HashSet;

use sqlx::SqliteExecutor;

use super::Attachment;

/// The attachments of a note, the oldest first. Whose note that is, the caller has checked.
///
/// # Errors
///
/// When the database fails.
pub async fn list(database: impl SqliteExecutor<'_>, note: &str) -> Result<Vec<Attachment>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, note_id, name, content_type, size, created_at
         FROM attachments WHERE note_id = ? ORDER BY rowid",
    )
    .bind(note)
    .fetch_all(database)
    .await
}

/// The attachment of this id, if it hangs on this note and the note is this owner's.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    database: impl SqliteExecutor<'_>,
    owner: &str,
    note: &str,
    id: &str,
) -> Result<Option<Attachment>, sqlx::Error> {
    sqlx::query_as(
        "SELECT attachment.id, note_id, name, content_type, size, attachment.created_at
         FROM attachments AS attachment JOIN notes AS note ON note.id = attachment.note_id
         WHERE attachment.id = ? AND note_id = ? AND owner_id = ?",
    )
    .bind(id)
    .bind(note)
    .bind(owner)
    .fetch_optional(database)
    .await
}

/// Adds an attachment.
///
/// # Errors
///
/// A violation of the foreign key when the note is gone.
pub async fn insert(database: impl SqliteExecutor<'_>, attachment: &Attachment) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO attachments (id, note_id, name, content_type, size, created_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(&attachment.id)
    .bind(&attachment.note_id)
    .bind(&attachment.name)
    .bind(&attachment.content_type)
    .bind(attachment.size)
    .bind(attachment.created_at)
    .execute(database)
    .await?;
    Ok(())
}

/// Removes an attachment's row.
///
/// # Errors
///
/// When the database fails.
pub async fn delete(database: impl SqliteExecutor<'_>, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM attachments WHERE id = ?").bind(id).execute(database).await?;
    Ok(())
}

/// The ids of all attachments of all people.
///
/// # Errors
///
/// When the database fails.
pub async fn ids(database: impl SqliteExecutor<'_>) -> Result<HashSet<String>, sqlx::Error> {
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM attachments").fetch_all(database).await?;
    Ok(ids.into_iter().collect())
}
