//! The list of notes, and how many there are.

use leptos::{ev::SubmitEvent, prelude::*, server_fn::ServerFn};

use super::{
    board::{Board, Shown},
    list_path,
};
use crate::{
    action::note::DeleteNote,
    api::note::{Draft, Note},
    component::{Edits, Pager, Removals, Time, Trouble, go, optional},
    page::note_path,
};

/// What there is of the notes: why not, how many, and each. It stays in place while the next ones are
/// loading, so that nobody loses the place or the focus.
#[component]
pub(super) fn List(board: Board) -> impl IntoView {
    let (removals, edits, shown) = (Removals::expect(), Edits::expect(), board.shown());
    let trouble =
        optional(move || board.problem().map(|problem| view! { <Trouble problem retry=move || board.reload()/> }));
    let count = move || {
        let coming = u64::from(board.coming().is_some());
        look(shown, |shown| coming + left(shown, removals))
    };
    let words = optional(move || {
        let count = count()?;
        look(shown, |shown| in_words(count, &shown.search))
    });
    let empty = move || count() == Some(0);
    let notes = move || {
        let found = look(shown, |shown| (shown.page.data.clone(), shown.number == 1 && shown.search.is_empty()));
        found.map(|(notes, first)| edits.over(notes, first)).unwrap_or_default()
    };
    let pages = optional(move || look(shown, pages));
    view! {
        {trouble}
        <p role="status" class=move || if empty() { "empty" } else { "count" }>{words}</p>
        <ul class="notes" aria-label="Notes">
            {optional(move || board.coming().map(|draft| view! { <Coming draft state="Adding…"/> }))}
            <For each=notes key=Note::clone let:note>
                <Card note/>
            </For>
        </ul>
        {pages}
    }
}

/// Reads the last good answer, if there is one.
fn look<T>(shown: Memo<Option<Shown>>, read: impl FnOnce(&Shown) -> T) -> Option<T> {
    shown.try_get().flatten().as_ref().map(read)
}

/// Links to the other pages. Behind the last page it leads there.
fn pages(shown: &Shown) -> impl IntoView + use<> {
    let (number, count, search) = (shown.number, shown.page.count(), shown.search.clone());
    if number > count {
        // The last note of the last page is gone.
        go(&list_path(&search, count));
    }
    view! { <Pager page=number count link=move |page| list_path(&search, page)/> }
}

/// A note that is on its way to the API.
#[component]
pub(super) fn Coming(draft: Draft, state: &'static str) -> impl IntoView {
    view! {
        <li class="sheet note" aria-busy="true">
            <h2>{draft.title}</h2>
            <p class="note-text">{draft.body}</p>
            <div class="note-foot"><span class="note-time">{state}</span></div>
        </li>
    }
}

#[component]
fn Card(note: Note) -> impl IntoView {
    let (removals, edits, path) = (Removals::expect(), Edits::expect(), note_path(&note.id));
    let (id, gone, refused, saved) = (note.id.clone(), note.id.clone(), note.id.clone(), note.id.clone());
    let delete = move |event: SubmitEvent| {
        event.prevent_default();
        removals.remove(id.clone(), None);
    };
    let editor = path.clone();
    let refusal = optional(move || {
        let link =
            edits.refusal(&refused).map(|_| view! { " " <a href=editor.clone()>"Go on with what you typed"</a> });
        let detail = removals.refusal(&refused).or_else(|| edits.refusal(&refused));
        detail.map(|detail| view! { <p class="alert" role="alert">{detail} {link}</p> })
    });
    view! {
        <li
            class="sheet note"
            data-note=note.id
            hidden=move || removals.is_gone(&gone)
            aria-busy=move || edits.is_saving(&saved).then_some("true")
        >
            <h2><a href=path.clone()>{note.title.clone()}</a></h2>
            <p class="note-text">{note.body}</p>
            {refusal}
            <div class="note-foot">
                {note.updated_at.map(|at| view! { <span class="note-time"><Time at/></span> })}
                <a class="button quiet" href=path aria-label=format!("Edit {}", note.title)>"Edit"</a>
                <form method="post" action=DeleteNote::PATH on:submit=delete>
                    <input type="hidden" name="id" value=note.id.clone()/>
                    <button class="button quiet" type="submit" aria-label=format!("Delete {}", note.title)>"Delete"</button>
                </form>
            </div>
        </li>
    }
}

/// How many notes there are without those that are on their way out.
fn left(shown: &Shown, removals: Removals) -> u64 {
    let gone = shown.page.data.iter().filter(|note| removals.is_gone(&note.id)).count();
    shown.page.total.saturating_sub(gone as u64)
}

fn in_words(count: u64, search: &str) -> String {
    match (count, search) {
        (0, "") => "No notes yet.".to_owned(),
        (0, search) => format!("No note matches “{search}”."),
        (1, "") => "1 note".to_owned(),
        (count, "") => format!("{count} notes"),
        (1, search) => format!("1 note matches “{search}”"),
        (count, search) => format!("{count} notes match “{search}”"),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn counts_in_words() {
        for (count, search, words) in [
            (0, "", "No notes yet."),
            (1, "", "1 note"),
            (3, "", "3 notes"),
            (0, "tea", "No note matches “tea”."),
            (1, "tea", "1 note matches “tea”"),
            (12, "tea", "12 notes match “tea”"),
        ] {
            assert_eq!(in_words(count, search), words);
        }
    }
}
