//! The forms of the notes, for browsers without JavaScript.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::back;
use crate::api::Problem;

/// Adds a note.
///
/// # Errors
/// Why the API refused.
#[server(prefix = "/api", endpoint = "form/notes/create")]
pub async fn create_note(#[server(default)] title: String, #[server(default)] body: String) -> Result<(), Problem> {
    use crate::{api::note, respond};

    let draft = note::Draft { title, body };
    let outcome = note::create(&draft).await.map(drop);
    respond::finish(outcome, "/notes?done=added", |problem| {
        back("/notes", problem, &[("title", &draft.title), ("body", &draft.body)])
    })
}

/// Changes a note.
///
/// # Errors
/// Why the API refused; 412 when the note was changed elsewhere.
#[server(prefix = "/api", endpoint = "form/notes/update")]
pub async fn update_note(
    #[server(default)] id: String,
    #[server(default)] etag: String,
    #[server(default)] title: String,
    #[server(default)] body: String,
) -> Result<(), Problem> {
    use crate::{api::note, page, query::filled, respond};

    let draft = note::Draft { title, body };
    let outcome = note::update(&id, &draft, filled(etag.clone())).await.map(drop);
    respond::finish(outcome, "/notes?done=saved", |problem| {
        back(&page::note_path(&id), problem, &[("title", &draft.title), ("body", &draft.body), ("etag", &etag)])
    })
}

/// Deletes a note.
///
/// # Errors
/// Why the API refused; 412 when the note was changed elsewhere.
#[server(prefix = "/api", endpoint = "form/notes/delete")]
pub async fn delete_note(#[server(default)] id: String, #[server(default)] etag: String) -> Result<(), Problem> {
    use crate::{api::note, page, query::filled, respond};

    let outcome = note::remove(&id, filled(etag)).await;
    respond::finish(outcome, "/notes?done=deleted", |problem| back(&page::note_path(&id), problem, &[]))
}
