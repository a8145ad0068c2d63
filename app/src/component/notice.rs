//! One sentence about what has just been done, for eyes and for screen readers.

use std::time::Duration;

use leptos::prelude::*;

use crate::query::Query;

/// How long a notice stays.
const SHOWN: Duration = Duration::from_secs(6);

/// The context that shows notices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notice(RwSignal<&'static str>);

impl Notice {
    /// Provides the context, with what a form without JavaScript has left in the URL.
    pub(crate) fn provide(query: &Query) -> Self {
        let notice = Self(RwSignal::new(query.get("done").map_or("", sentence)));
        provide_context(notice);
        notice
    }

    /// The context, within a component.
    pub(crate) fn expect() -> Self {
        expect_context()
    }

    /// Shows a sentence for a while.
    pub(crate) fn show(self, text: &'static str) {
        self.0.set(text);
        set_timeout(
            move || {
                if self.0.get_untracked() == text {
                    self.0.set("");
                }
            },
            SHOWN,
        );
    }

    /// Whether there is something to show, followed.
    pub(crate) fn is_shown(self) -> bool {
        !self.text().is_empty()
    }

    /// What is shown, followed.
    pub(crate) fn text(self) -> &'static str {
        self.0.get()
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
        _ => "",
    }
}
