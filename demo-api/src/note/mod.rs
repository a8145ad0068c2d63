//! Notes: short texts, each of one person.

mod page;
mod route;
mod store;

use serde::Serialize;
use sqlx::FromRow;

pub use self::store::{find, insert};
use crate::{clock::Timestamp, etag::ETag, field::Text, route::Route};

const TITLE: Text = Text { key: "title", noun: "a title", least: 1, most: 200, line: true };

const BODY: Text = Text { key: "body", noun: "a text", least: 0, most: 20_000, line: false };

/// A note, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct Note {
    /// UUID.
    pub id: String,
    /// One line.
    pub title: String,
    /// Any text.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// 1, and one more with each change.
    pub version: i64,
}

impl Note {
    /// The first version.
    pub fn new(id: String, title: String, body: String, now: Timestamp) -> Self {
        Self { id, title, body, created_at: now, updated_at: now, version: 1 }
    }

    fn etag(&self) -> ETag {
        ETag::of_version(self.version)
    }
}

/// Routes of notes.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/notes", route::list),
        Route::post("/notes", route::create),
        Route::get("/notes/{id}", route::read),
        Route::patch("/notes/{id}", route::change),
        Route::delete("/notes/{id}", route::remove),
    ]
}
