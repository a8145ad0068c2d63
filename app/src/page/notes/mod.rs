//! The notes: search, list, pages, and a form to add one.

mod board;
mod list;
#[cfg(not(feature = "ssr"))]
mod live;
mod new_note;
mod search;

/// The server shows the notes as they are, once.
#[cfg(feature = "ssr")]
mod live {
    pub(super) fn follow(_: super::Board) {}
}

use leptos::{ev, prelude::*};
use leptos_meta::Title;

use self::{
    board::Board,
    list::{Coming, List},
    new_note::NewNote,
    search::Search,
};
use crate::{
    api::note,
    component::{Edits, Removals, effect},
    handover,
    query::{self, Query, use_query},
    service::Service,
};

#[component]
pub(crate) fn Notes() -> impl IntoView {
    let query = use_query();
    let notes = handover::resource(
        move || query.with(|query| (query.text("q"), page_number(query))),
        |(search, number)| async move { note::list(&search, number).await },
    );
    let board = Board::new(notes, query);
    let edits = Edits::expect();
    keep_up_to_date(board, edits);

    view! {
        <Title text="Notes · Vestibule"/>
        <div class="page-head">
            <h1>"Notes"</h1>
            <Search query/>
        </div>
        <div class="desk">
            <NewNote query=query.get_untracked() board/>
            <div class="note-list" aria-busy=move || notes.is_pending().then_some("true")>
                {notes.begin(|| view! { <Skeleton/> }.into_any(), move || view! { <List board/> }.into_any())}
            </div>
        </div>
    }
}

/// Loads the list anew when something has changed, here or elsewhere.
fn keep_up_to_date(board: Board, edits: Edits) {
    let removals = Removals::expect();
    let mut before = None;
    effect(move || {
        let count = removals.count() + edits.count();
        if before.replace(count).is_some_and(|before| before != count) {
            board.reload_soon();
        }
    });
    // What failed may work when the connection is back.
    effect(move || {
        if board.problem().is_some() {
            let online = window_event_listener(ev::online, move |_| board.reload());
            on_cleanup(move || online.remove());
        }
    });
    // Who leaves the page has not taken the deletion back.
    effect(move || on_cleanup(move || removals.finish()));
    if Service::expect().has_events {
        live::follow(board);
    }
}

/// Stands in for the list while it is loading, with the note that has just been saved.
#[component]
fn Skeleton() -> impl IntoView {
    let saving = Edits::expect().coming();
    view! {
        <p class="count">"Loading…"</p>
        {saving.map(|draft| view! { <ul class="notes" aria-label="Notes"><Coming draft state="Saving…"/></ul> })}
        <div class="notes skeleton" aria-hidden="true">
            <div class="sheet"></div>
            <div class="sheet"></div>
            <div class="sheet"></div>
        </div>
    }
}

/// The page that the query names, from 1.
fn page_number(query: &Query) -> u64 {
    query.get("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1)
}

/// Where the API has the list that the query names.
pub(super) fn list_path_of(query: &Query) -> String {
    note::list_path(&query.text("q"), page_number(query))
}

fn list_path(search: &str, page: u64) -> String {
    let page = if page > 1 { page.to_string() } else { String::new() };
    query::path("/notes", &[("q", search), ("page", &page)])
}

#[cfg(test)]
mod tests {
    use super::{list_path, page_number};
    use crate::query::Query;

    #[test]
    fn names_pages_in_the_url() {
        assert_eq!(list_path("", 1), "/notes");
        assert_eq!(list_path("tea & milk", 2), "/notes?q=tea%20%26%20milk&page=2");
    }

    #[test]
    fn takes_a_wrong_page_for_the_first() {
        for (query, page) in [("page=3", 3), ("page=0", 1), ("page=-1", 1), ("page=x", 1), ("", 1)] {
            assert_eq!(page_number(&Query::parse(query)), page, "{query}");
        }
    }
}
