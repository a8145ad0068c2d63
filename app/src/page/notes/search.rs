//! The search field: it searches while one types.

use std::time::Duration;

use leptos::{ev, ev::SubmitEvent, html::Input, leptos_dom::helpers::TimeoutHandle, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::list_path;
use crate::{component::effect, query::Query};

/// How long to wait for the next letter.
const PATIENCE: Duration = Duration::from_millis(250);

/// Searches while one types, and at once when the form is sent. The letters of one search are one
/// entry of the browser's history.
#[component]
pub(super) fn Search(query: Memo<Query>) -> impl IntoView {
    let (field, text) = (NodeRef::<Input>::new(), query.with_untracked(searched));
    let typing = Typing {
        query,
        last: StoredValue::new(text.clone()),
        timer: StoredValue::new(None),
        begun: StoredValue::new(false),
    };
    let navigate = use_navigate();
    let search = move || {
        let Some(field) = field.get_untracked() else { return };
        if let Some((path, replace)) = typing.next(field.value().trim()) {
            navigate(&path, NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
        }
    };
    typing.follow(field);
    let (search_soon, search_now) = (search.clone(), search);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        typing.stop();
        search_now();
        typing.finish();
    };
    view! {
        <form role="search" method="get" action="/notes" class="search" on:submit=submit>
            <label for="q" class="visually-hidden">"Search notes"</label>
            <input
                id="q"
                name="q"
                type="search"
                placeholder="Search notes"
                autocomplete="off"
                maxlength="200"
                value=text
                node_ref=field
                on:input=move |_| typing.start(search_soon.clone())
                on:change=move |_: ev::Event| typing.finish()
            />
            <button class="button" type="submit">"Search"</button>
        </form>
    }
}

/// What the query asks for.
fn searched(query: &Query) -> String {
    query.text("q")
}

/// One search, from its first letter to its end.
#[derive(Clone, Copy)]
struct Typing {
    /// What the URL says.
    query: Memo<Query>,
    /// What this field has put there.
    last: StoredValue<String>,
    timer: StoredValue<Option<TimeoutHandle>>,
    /// Whether this search has its entry in the history.
    begun: StoredValue<bool>,
}

impl Typing {
    /// After the back button the field shows what is searched for again. What one types is left alone.
    fn follow(self, field: NodeRef<Input>) {
        effect(move || {
            let text = self.query.with(searched);
            if self.last.with_value(|last| *last != text) {
                if let Some(field) = field.get_untracked() {
                    field.set_value(&text);
                }
                self.last.set_value(text);
                self.begun.set_value(false);
            }
        });
        effect(move || on_cleanup(move || self.stop()));
    }

    fn start(self, search: impl Fn() + 'static) {
        self.stop();
        self.timer.set_value(set_timeout_with_handle(search, PATIENCE).ok());
    }

    fn stop(self) {
        if let Some(timer) = self.timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }

    /// Where to go, and whether in place of the last letter's entry.
    fn next(self, search: &str) -> Option<(String, bool)> {
        if self.query.with_untracked(searched) == search {
            return None;
        }
        self.last.set_value(search.to_owned());
        let begun = self.begun.try_update_value(|begun| std::mem::replace(begun, true)) == Some(true);
        Some((list_path(search, 1), begun))
    }

    /// The next letter begins another search.
    fn finish(self) {
        self.begun.set_value(false);
    }
}
