//! The forms of a note's files, for browsers without JavaScript.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
pub use super::upload::uploads;
use crate::api::Problem;

/// Where the form posts files to. The query names the note.
pub const UPLOAD: &str = "/api/form/attachments/upload";

/// Deletes a file.
///
/// # Errors
/// Why the API refused.
#[server(prefix = "/api", endpoint = "form/attachments/delete")]
pub async fn delete_attachment(#[server(default)] note: String, #[server(default)] id: String) -> Result<(), Problem> {
    use crate::{api::attachment, page, query, respond};

    let page = page::note_path(&note);
    let outcome = attachment::remove(&note, &id).await;
    let done = query::path(&page, &[("done", "file-deleted")]);
    respond::finish(outcome, &done, |problem| super::back(&page, problem, &[]))
}
