//! Notes that are on their way out: gone from the page at once, deleted at the API when nobody has
//! taken it back in time.

use leptos::{ev, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlElement;

use super::{Notice, effect, notice::SHOWN};
use crate::{
    api::{Problem, note},
    query::filled,
    user::CurrentUser,
};

/// The context of the notes that are on their way out. It outlives the page that shows them.
#[derive(Clone, Copy)]
pub(crate) struct Removals {
    notice: Notice,
    /// What no list shows any more.
    gone: RwSignal<Vec<String>>,
    /// The one that can still be taken back.
    last: RwSignal<Option<Removal>>,
    /// The one that the API refused to delete, and why.
    refused: RwSignal<Option<(String, Problem)>>,
    /// How many the API has deleted.
    count: RwSignal<u32>,
    user: CurrentUser,
}

#[derive(Clone, PartialEq, Eq)]
struct Removal {
    id: String,
    etag: Option<String>,
}

impl Removals {
    /// Provides the context.
    pub(crate) fn provide(notice: Notice) -> Self {
        let (gone, last) = (RwSignal::new(Vec::new()), RwSignal::new(None));
        let removals = Self {
            notice,
            gone,
            last,
            refused: RwSignal::new(None),
            count: RwSignal::new(0),
            user: CurrentUser::expect(),
        };
        provide_context(removals);
        // In the browser: whoever closes the tab has not taken it back. At `pagehide` the answer to a
        // reload is there already, so that the deletion sets out before it.
        effect(move || {
            window_event_listener(ev::beforeunload, move |_| removals.finish_on_the_way_out());
            window_event_listener(ev::pagehide, move |_| removals.finish_on_the_way_out());
            removals.go_on_after_reload();
        });
        removals
    }

    /// The context, within a component.
    pub(crate) fn expect() -> Self {
        expect_context()
    }

    /// Whether a note is not shown any more, followed.
    pub(crate) fn is_gone(self, id: &str) -> bool {
        self.gone.with(|gone| gone.iter().any(|it| it == id))
    }

    /// Why a note could not be deleted, followed.
    pub(crate) fn refusal(self, id: &str) -> Option<String> {
        self.refused
            .with(|refused| refused.as_ref().filter(|(it, _)| it == id).map(|(_, problem)| problem.detail.clone()))
    }

    /// How many notes the API has deleted, followed.
    pub(crate) fn count(self) -> u32 {
        self.count.get()
    }

    /// Takes a note off the page, and deletes it a little later unless it has changed since it had
    /// this `ETag`.
    pub(crate) fn remove(self, id: String, etag: Option<String>) {
        self.finish();
        self.refused.set(None);
        self.gone.update(|gone| gone.push(id.clone()));
        let removal = Removal { id, etag };
        self.last.set(Some(removal.clone()));
        self.notice.show_with_undo("Note deleted.", move || self.undo());
        focus_soon(".notice-undo".to_owned());
        set_timeout(
            move || {
                if self.last.with_untracked(|last| last.as_ref() == Some(&removal)) {
                    self.finish();
                }
            },
            SHOWN,
        );
    }

    /// Deletes what could still be taken back.
    pub(crate) fn finish(self) {
        if let Some(removal) = self.take() {
            spawn_local(self.delete(removal));
        }
    }

    /// The same when the page goes away. A reload may overtake the deletion, and nobody is left to hear the
    /// API's answer: a mark in the browser's history tells the page that comes to see to it.
    fn finish_on_the_way_out(self) {
        if let Some(Removal { id, etag }) = self.last.get_untracked() {
            self.finish();
            mark(&format!("{id}\n{}", etag.unwrap_or_default()).into());
        }
    }

    /// Deletes once more what this page still has of it: done twice, it is as good as once, and a refusal
    /// is told.
    fn go_on_after_reload(self) {
        let state = window().history().and_then(|history| history.state()).ok();
        let Some(state) = state.and_then(|state| state.as_string()) else { return };
        mark(&JsValue::NULL);
        let (id, etag) = state.split_once('\n').unwrap_or((&state, ""));
        if let Ok(Some(_)) = document().query_selector(&format!("[data-note=\"{id}\"]")) {
            self.gone.update(|gone| gone.push(id.to_owned()));
            self.last.set(Some(Removal { id: id.to_owned(), etag: filled(etag.to_owned()) }));
            self.finish();
        }
    }

    /// The same before a log-out, which has to wait until it is done.
    pub(crate) async fn settle(self) {
        self.user.leave();
        if let Some(removal) = self.take() {
            self.delete(removal).await;
        }
    }

    fn take(self) -> Option<Removal> {
        let removal = self.last.try_update(Option::take).flatten();
        if removal.is_some() {
            self.notice.end_undo();
        }
        removal
    }

    async fn delete(self, Removal { id, etag }: Removal) {
        match note::remove(&id, etag).await {
            Err(problem) if problem.status != 404 => self.refuse(id, problem),
            // Deleted, now or elsewhere before.
            _ => self.count.update(|count| *count += 1),
        }
    }

    fn undo(self) {
        if let Some(Removal { id, .. }) = self.take() {
            self.show_again(&id);
            self.notice.hide();
            focus_soon(format!("[data-note=\"{id}\"] button"));
        }
    }

    fn refuse(self, id: String, mut problem: Problem) {
        if problem.status == 412 {
            "This note was changed elsewhere in the meantime, and is not deleted.".clone_into(&mut problem.detail);
        }
        self.show_again(&id);
        self.refused.set(Some((id, problem)));
        self.notice.show("The note could not be deleted.");
    }

    fn show_again(self, id: &str) {
        self.gone.update(|gone| gone.retain(|it| it != id));
    }
}

/// Writes into this page's entry of the browser's history.
fn mark(state: &JsValue) {
    let _ = window().history().and_then(|history| history.replace_state_with_url(state, "", None));
}

/// Focuses an element that is about to be there.
fn focus_soon(selector: String) {
    request_animation_frame(move || {
        if let Ok(Some(element)) = document().query_selector(&selector) {
            let _ = element.unchecked_into::<HtmlElement>().focus();
        }
    });
}
