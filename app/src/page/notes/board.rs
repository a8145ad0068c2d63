//! What the page knows of the notes: what the API has answered, and what is on its way to it.
//!
//! When a session ends, the page may be gone before the last of its effects has run: what they read
//! is tried.

use std::time::Duration;

use leptos::prelude::*;

use super::page_number;
use crate::{
    api::{
        Problem,
        note::{self, Draft, Note, Page},
    },
    handover::Data,
    query::Query,
    user::CurrentUser,
};

/// What changes within this time is loaded at once.
const TOGETHER: Duration = Duration::from_millis(100);

/// The notes of the page.
#[derive(Clone, Copy)]
pub(super) struct Board {
    notes: Data<Result<Page, Problem>>,
    query: Memo<Query>,
    user: CurrentUser,
    /// The note that is being added.
    coming: RwSignal<Option<Draft>>,
    /// Whether the list is about to be loaded anew.
    due: StoredValue<bool>,
}

/// A page of the list, and what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) search: String,
    pub(super) number: u64,
    pub(super) page: Page,
}

impl Board {
    pub(super) fn new(notes: Data<Result<Page, Problem>>, query: Memo<Query>) -> Self {
        let user = CurrentUser::expect();
        Self { notes, query, user, coming: RwSignal::new(None), due: StoredValue::new(false) }
    }

    /// The last good answer. To be called in what `Data::begin` shows.
    pub(super) fn shown(self) -> Memo<Option<Shown>> {
        Memo::new(move |before: Option<&Option<Shown>>| match self.notes.get() {
            Some(Ok(page)) => {
                let query = self.query.try_get_untracked().unwrap_or_default();
                Some(Shown { search: query.text("q"), number: page_number(&query), page })
            }
            _ => before.cloned().flatten(),
        })
    }

    /// Why there is no newer answer, followed.
    pub(super) fn problem(self) -> Option<Problem> {
        self.notes.get().and_then(Result::err)
    }

    /// The note that is being added, followed.
    pub(super) fn coming(self) -> Option<Draft> {
        self.coming.try_get().flatten()
    }

    /// Loads the list anew, now.
    pub(super) fn reload(self) {
        self.notes.refetch();
    }

    /// Loads the list anew, in a moment.
    pub(super) fn reload_soon(self) {
        if self.due.try_update_value(|due| std::mem::replace(due, true)) == Some(false) {
            set_timeout(move || self.reload_when_due(), TOGETHER);
        }
    }

    fn reload_when_due(self) {
        let due = self.due.try_update_value(std::mem::take) == Some(true) && !self.user.is_leaving();
        // A note that is being added would be there twice for a moment. The list is loaded after it.
        if due && self.coming.try_with_untracked(Option::is_none) == Some(true) {
            self.reload();
        }
    }

    /// Adds a note. It is shown at once, and gone again when the API refuses it.
    pub(super) async fn add(self, draft: Draft) -> Result<(), Problem> {
        self.coming.set(Some(draft.clone()));
        let outcome = note::create(&draft).await;
        // The page may have gone in the meantime.
        let _ = self.coming.try_set(None);
        let note = outcome?;
        self.put(note);
        self.reload_soon();
        Ok(())
    }

    /// Puts the note into the list, where one can see that it belongs there.
    fn put(self, note: Note) {
        let is_first = |query: &Query| page_number(query) == 1 && query.text("q").is_empty();
        if self.query.try_with_untracked(is_first) == Some(true) {
            self.notes.update(|answer| {
                if let Ok(page) = answer {
                    page.add(note);
                }
            });
        }
    }
}
