//! One sentence about what has just been done, for eyes and for screen readers.

use std::{sync::Arc, time::Duration};

use leptos::prelude::*;

use super::{focus_heading, optional, part};
use crate::query::Query;

/// How long a notice stays.
pub(crate) const SHOWN: Duration = Duration::from_secs(6);

/// The context that shows notices.
#[derive(Clone, Copy)]
pub(crate) struct Notice(RwSignal<Shown>);

#[derive(Clone, Default)]
struct Shown {
    text: &'static str,
    undo: Option<Undo>,
    /// Tells one from the next of the same text.
    number: u32,
}

/// Takes back what the notice tells of.
type Undo = Arc<dyn Fn() + Send + Sync>;

impl Notice {
    /// Provides the context, with what a form without JavaScript has left in the URL.
    pub(crate) fn provide(query: &Query) -> Self {
        let text = query.get("done").map_or("", sentence);
        let notice = Self(RwSignal::new(Shown { text, ..Shown::default() }));
        provide_context(notice);
        notice
    }

    /// The context, within a component.
    pub(crate) fn expect() -> Self {
        expect_context()
    }

    /// Shows a sentence for a while.
    pub(crate) fn show(self, text: &'static str) {
        self.set(text, None);
    }

    /// Shows a sentence for a while, with a button that takes back what it tells of.
    pub(crate) fn show_with_undo(self, text: &'static str, undo: impl Fn() + Send + Sync + 'static) {
        self.set(text, Some(Arc::new(undo)));
    }

    /// It cannot be taken back any more.
    pub(crate) fn end_undo(self) {
        self.0.update(|shown| shown.undo = None);
    }

    /// Takes the notice away.
    pub(crate) fn hide(self) {
        if let Ok(Some(_)) = document().query_selector(".notice :focus") {
            // The button that has the focus goes away.
            focus_heading();
        }
        self.0.update(|shown| (shown.text, shown.undo) = ("", None));
    }

    fn set(self, text: &'static str, undo: Option<Undo>) {
        let number = self.0.with_untracked(|shown| shown.number.wrapping_add(1));
        self.0.set(Shown { text, undo, number });
        set_timeout(
            move || {
                if self.0.with_untracked(|shown| shown.number == number && !shown.text.is_empty()) {
                    self.hide();
                }
            },
            SHOWN,
        );
    }
}

/// Where the notice is shown.
#[component]
pub(crate) fn NoticeBar(notice: Notice) -> impl IntoView {
    let text = move || notice.0.with(|shown| shown.text);
    let undo = move || {
        notice.0.with(|shown| shown.undo.clone()).map(|undo| {
            view! { <button type="button" class="notice-undo" on:click=move |_| undo()>"Undo"</button> }
        })
    };
    view! {
        <div class="notice" role="status" aria-live="polite" data-shown=move || (!text().is_empty()).then_some("")>
            {part(text)}
            {optional(undo)}
        </div>
    }
}

fn sentence(done: &str) -> &'static str {
    match done {
        "added" => "Note added.",
        "saved" => "Note saved.",
        "deleted" => "Note deleted.",
        "renamed" => "Name saved.",
        "password" => "Password changed.",
        "device" => "The device is logged out.",
        "everywhere" => "You are logged out everywhere.",
        "file-added" => "File added.",
        "file-deleted" => "File deleted.",
        _ => "",
    }
}
