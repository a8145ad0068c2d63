//! The notes of the person who is logged in.

use serde::{Deserialize, Serialize};

use super::{Answer, Problem, Request};
use crate::query;

/// How many notes a page of the list shows.
const PAGE_SIZE: u64 = 12;

/// A note as the API has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Note {
    #[serde(deserialize_with = "super::id", alias = "_id")]
    pub(crate) id: String,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) body: String,
    /// When it was last changed (RFC 3339), where the API tells.
    #[serde(default)]
    pub(crate) updated_at: Option<String>,
    /// The version that was read, from the answer's `ETag`.
    #[serde(default)]
    pub(crate) etag: Option<String>,
}

/// What a person writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Draft {
    pub(crate) title: String,
    pub(crate) body: String,
}

/// One page of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Page {
    /// How many notes match, on all pages.
    pub(crate) total: u64,
    pub(crate) data: Vec<Note>,
}

impl Page {
    /// The number of pages, at least 1.
    pub(crate) fn count(&self) -> u64 {
        self.total.div_ceil(PAGE_SIZE).max(1)
    }

    /// Puts a note that has just been added to the first page, where the API will list it.
    pub(crate) fn add(&mut self, note: Note) {
        if self.data.iter().all(|it| it.id != note.id) {
            self.total += 1;
            // Notes in a list have no `ETag`.
            self.data.insert(0, Note { etag: None, ..note });
        }
    }
}

/// The notes that match, the last changed first. Pages count from 1.
pub(crate) async fn list(search: &str, page: u64) -> Result<Page, Problem> {
    Request::get(list_path(search, page)).call().await
}

/// Where the API has that list.
pub(crate) fn list_path(search: &str, page: u64) -> String {
    let skip = page.saturating_sub(1).saturating_mul(PAGE_SIZE);
    let (limit, skip) = (PAGE_SIZE.to_string(), skip.to_string());
    query::path("/notes", &[("q", search), ("$limit", &limit), ("$skip", &skip)])
}

/// One note.
pub(crate) async fn get(id: &str) -> Result<Note, Problem> {
    Request::get(path(id)).send().await.and_then(versioned)
}

/// Adds a note.
pub(crate) async fn create(draft: &Draft) -> Result<Note, Problem> {
    Request::post("/notes").json(draft).send().await.and_then(versioned)
}

/// Changes a note, unless it has changed since it had this `ETag`.
pub(crate) async fn update(id: &str, draft: &Draft, etag: Option<String>) -> Result<Note, Problem> {
    Request::patch(path(id)).json(draft).if_match(etag).send().await.and_then(versioned)
}

/// Deletes a note, unless it has changed since it had this `ETag`.
pub(crate) async fn remove(id: &str, etag: Option<String>) -> Result<(), Problem> {
    Request::delete(path(id)).if_match(etag).send().await.map(drop)
}

fn path(id: &str) -> String {
    format!("/notes/{}", query::escape(id))
}

fn versioned(answer: Answer) -> Result<Note, Problem> {
    let note: Note = answer.json()?;
    Ok(Note { etag: answer.etag, ..note })
}

#[cfg(test)]
mod tests {
    use super::{Note, Page};

    #[test]
    fn counts_pages() {
        for (total, count) in [(0, 1), (1, 1), (12, 1), (13, 2), (24, 2), (25, 3)] {
            assert_eq!(Page { total, data: vec![] }.count(), count, "{total}");
        }
    }

    #[test]
    fn adds_a_note_once_and_in_front() {
        let note = |id: &str| Note {
            id: id.into(),
            title: "a".into(),
            body: String::new(),
            updated_at: None,
            etag: Some("\"1\"".into()),
        };
        let mut page = Page { total: 1, data: vec![Note { etag: None, ..note("1") }] };
        page.add(note("1"));
        page.add(note("2"));
        assert_eq!(page.total, 2);
        assert_eq!(page.data.iter().map(|note| note.id.as_str()).collect::<Vec<_>>(), ["2", "1"]);
        assert!(page.data.iter().all(|note| note.etag.is_none()));
    }

    #[test]
    fn reads_ids_that_are_numbers_or_texts() {
        for (json, id) in [
            (r#"{"id":7,"title":"a"}"#, "7"),
            (r#"{"id":"7f","title":"a","body":"b"}"#, "7f"),
            (r#"{"_id":"66f","title":"a"}"#, "66f"),
        ] {
            let note: Note = serde_json::from_str(json).unwrap();
            assert_eq!(note.id, id);
        }
    }
}
