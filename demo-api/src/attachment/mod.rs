//! Files that hang on a note: streamed in, streamed out, never in memory whole.

mod disposition;
mod download;
mod file;
mod range;
mod store;
mod upload;

use serde::Serialize;
use sqlx::FromRow;

pub use self::{file::Files, store::list};
use crate::{clock::Timestamp, route::Route};

/// A file on a note. Its bytes never change.
#[derive(Clone, Debug, Serialize, FromRow)]
pub struct Attachment {
    /// UUID.
    pub id: String,
    /// The note it hangs on.
    pub note_id: String,
    /// What the person calls it: text to show, and no path.
    pub name: String,
    /// As the upload said.
    pub content_type: String,
    /// Bytes.
    pub size: i64,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

/// Routes of attachments.
pub fn routes() -> Vec<Route> {
    let (all, one) = ("/notes/{id}/attachments", "/notes/{id}/attachments/{attachment_id}");
    vec![
        Route::get(all, upload::list),
        Route::post(all, upload::create),
        Route::get(one, download::read),
        Route::delete(one, download::remove),
    ]
}
