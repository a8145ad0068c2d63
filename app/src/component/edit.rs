//! A note that is being saved: shown as it will be at once, and given back to its editor when the API
//! refuses.

use leptos::{prelude::*, task::spawn_local};

use super::Notice;
use crate::{
    api::{
        Problem,
        note::{self, Draft, Note},
    },
    user::CurrentUser,
};

/// The context of the note that is being saved. It outlives the page that sends it.
#[derive(Clone, Copy)]
pub(crate) struct Edits {
    notice: Notice,
    user: CurrentUser,
    /// Who is saving it.
    owner: RwSignal<String>,
    /// The note, when it was changed before, and the version that was changed here.
    id: RwSignal<String>,
    since: RwSignal<String>,
    etag: RwSignal<Option<String>>,
    /// What was typed, from when it is sent until it is back in the editor.
    draft: RwSignal<Option<Draft>>,
    busy: RwSignal<bool>,
    /// The note that the API refused to save, and why.
    refused: RwSignal<Option<(String, Problem)>>,
    /// How many the API has answered.
    count: RwSignal<u32>,
}

impl Edits {
    /// Provides the context.
    pub(crate) fn provide(notice: Notice) {
        provide_context(Self {
            notice,
            user: CurrentUser::expect(),
            owner: RwSignal::new(String::new()),
            id: RwSignal::new(String::new()),
            since: RwSignal::new(String::new()),
            etag: RwSignal::new(None),
            draft: RwSignal::new(None),
            busy: RwSignal::new(false),
            refused: RwSignal::new(None),
            count: RwSignal::new(0),
        });
    }

    /// The context, within a component.
    pub(crate) fn expect() -> Self {
        expect_context()
    }

    /// Sends what was typed. `reopen` leads back to the editor when it is refused, as long as the person
    /// is still looking at the list.
    pub(crate) fn save(self, before: Note, draft: Draft, reopen: impl FnOnce() + 'static) {
        self.owner.set(self.user.now().map(|user| user.id).unwrap_or_default());
        self.set(&before, draft.clone());
        spawn_local(async move {
            let outcome = note::update(&before.id, &draft, before.etag.clone()).await;
            match outcome {
                Ok(_) => self.notice.show("Note saved."),
                Err(problem) => {
                    // Another one may have been sent since.
                    self.set(&before, draft);
                    self.refuse(before.id.clone(), problem, reopen);
                }
            }
            if self.id.with_untracked(|id| *id == before.id) {
                self.busy.set(false);
            }
            self.count.update(|count| *count += 1);
        });
    }

    /// Whether it is the person's own. Another one may have logged in since, in the same tab.
    fn is_mine(self) -> bool {
        self.user.now().is_some_and(|user| self.owner.with_untracked(|owner| *owner == user.id))
    }

    fn set(self, before: &Note, draft: Draft) {
        self.id.set(before.id.clone());
        self.since.set(before.updated_at.clone().unwrap_or_default());
        self.etag.set(before.etag.clone());
        self.refused.set(None);
        self.busy.set(true);
        self.draft.set(Some(draft));
    }

    fn refuse(self, id: String, mut problem: Problem, reopen: impl FnOnce()) {
        if problem.status == 401 {
            "Your session ended before this was saved.".clone_into(&mut problem.detail);
        }
        self.refused.set(Some((id, problem)));
        let is_at_list = location().pathname().is_ok_and(|path| path == "/notes");
        if self.user.now().is_some() && is_at_list && !is_typing() {
            reopen();
        } else {
            self.notice.show("The note could not be saved.");
        }
    }

    /// What was typed and refused, once, for the editor of this note, and the version that it is to replace.
    pub(crate) fn take_refused(self, id: &str) -> Option<(Draft, Option<String>, Problem)> {
        if !self.is_mine() {
            return None;
        }
        let (_, problem) = self.refused.try_update(|refused| refused.take_if(|(it, _)| it == id)).flatten()?;
        Some((self.draft.try_update(Option::take).flatten()?, self.etag.get_untracked(), problem))
    }

    /// Why a note could not be saved, followed.
    pub(crate) fn refusal(self, id: &str) -> Option<String> {
        if !self.is_mine() {
            return None;
        }
        self.refused
            .with(|refused| refused.as_ref().filter(|(it, _)| it == id).map(|(_, problem)| problem.detail.clone()))
    }

    /// What is on its way to the API at this moment.
    pub(crate) fn coming(self) -> Option<Draft> {
        self.draft.get_untracked().filter(|_| self.busy.get_untracked())
    }

    /// Whether this note is on its way to the API, followed.
    pub(crate) fn is_saving(self, id: &str) -> bool {
        self.busy.get() && self.id.with(|it| it == id)
    }

    /// How many notes the API has saved or refused, followed.
    pub(crate) fn count(self) -> u32 {
        self.count.get()
    }

    /// Puts what was typed over the stored note, in front where `first` says so, as long as the API has
    /// not told of the change itself.
    pub(crate) fn over(self, mut notes: Vec<Note>, first: bool) -> Vec<Note> {
        let refused = self.refused.with(Option::is_some);
        let Some(draft) = self.draft.get().filter(|_| !refused && self.is_mine()) else { return notes };
        let id = self.id.get();
        let Some(index) = notes.iter().position(|note| note.id == id) else { return notes };
        let since = self.since.get();
        let is_old = !since.is_empty() && notes[index].updated_at.as_ref() == Some(&since);
        if is_old || self.busy.get() {
            let note = Note { title: draft.title, body: draft.body, ..notes.remove(index) };
            notes.insert(if first { 0 } else { index }, note);
        }
        notes
    }
}

/// Whether the person is in the middle of writing something else.
fn is_typing() -> bool {
    document().active_element().is_some_and(|active| active.matches("input, textarea").unwrap_or_default())
}
