//! The notes: search, list, pages, and a form to add one.

use leptos::{ev::SubmitEvent, html::Input, prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::note_path;
use crate::{
    action::note::{CreateNote, DeleteNote},
    api::{
        note::{self, Draft, Note, Page},
        problem,
    },
    component::{
        Alert, Field, Notice, Pager, Submission, Submit, TextField, Time, Trouble, focus_heading, form_of, go,
    },
    handover,
    query::{self, Query, use_query},
};

#[component]
pub(crate) fn Notes() -> impl IntoView {
    let query = use_query();
    let search = Memo::new(move |_| query.with(|query| query.text("q")));
    let page = Memo::new(move |_| query.with(page_number));
    let notes = handover::resource(
        move || (search.get(), page.get()),
        |(search, page)| async move { note::list(&search, page).await },
    );
    let list = move || {
        Suspend::new(async move {
            match notes.await {
                Ok(found) => {
                    view! { <List found search=search.get_untracked() page=page.get_untracked() changed=move || notes.refetch()/> }
                        .into_any()
                }
                Err(problem) => view! { <Trouble problem retry=move || notes.refetch()/> }.into_any(),
            }
        })
    };

    view! {
        <Title text="Notes · Vestibule"/>
        <div class="page-head">
            <h1>"Notes"</h1>
            <Search text=search/>
        </div>
        <div class="desk">
            <NewNote query=query.get_untracked() added=move || notes.refetch()/>
            <Transition fallback=|| view! { <Skeleton/> }>{list}</Transition>
        </div>
    }
}

#[component]
fn Search(text: Memo<String>) -> impl IntoView {
    let (form, navigate) = (Submission::new(None), use_navigate());
    let field = NodeRef::<Input>::new();
    // After the back button the field shows what is searched for again; while one types it is left alone.
    Effect::new(move |before: Option<String>| {
        let text = text.get();
        if before.is_some_and(|before| before != text)
            && let Some(field) = field.get_untracked()
        {
            field.set_value(&text);
        }
        text
    });
    let submit = move |event: SubmitEvent| {
        let navigate = navigate.clone();
        form.run(
            &event,
            |mut fields| async move { Ok(fields.take("q")) },
            move |search: String| navigate(&list_path(search.trim(), 1), NavigateOptions::default()),
        );
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
                value=text.get_untracked()
                node_ref=field
            />
            <button class="button" type="submit">"Search"</button>
        </form>
    }
}

#[component]
fn NewNote(query: Query, added: impl Fn() + Copy + Send + 'static) -> impl IntoView {
    let notice = Notice::expect();
    let form = Submission::new(problem::query::read(&query));
    // Without JavaScript a refused form comes back here, with what was typed in the query.
    let typed = RwSignal::new(query);
    let submit = move |event: SubmitEvent| {
        let element = form_of(&event);
        form.run(
            &event,
            |mut fields| async move {
                let draft = Draft { title: fields.take("title"), body: fields.take("body") };
                note::create(&draft).await
            },
            move |_| {
                typed.set(Query::default());
                request_animation_frame(move || {
                    let _ = element.map(|element| element.reset());
                });
                notice.show("Note added.");
                added();
            },
        );
    };
    let fields = move || {
        let text = |name| typed.with(|typed| typed.text(name));
        view! {
            <Field form name="title" label="Title" autocomplete="off" max=200 value=text("title")/>
            <TextField form name="body" label="Text" value=text("body")/>
        }
    };
    view! {
        <form method="post" action=CreateNote::PATH class="form sheet new-note" prop:noValidate=true on:submit=submit>
            <Alert form/>
            {fields}
            <Submit form>"Add note"</Submit>
        </form>
    }
}

#[component]
fn List(found: Page, search: String, page: u64, changed: impl Fn() + Copy + Send + 'static) -> impl IntoView {
    let count = found.count();
    if page > count {
        // The last note of the last page is gone.
        go(&list_path(&search, count));
    }
    if found.data.is_empty() && found.total == 0 {
        let words =
            if search.is_empty() { "No notes yet.".to_owned() } else { format!("No note matches “{search}”.") };
        return view! { <p class="empty">{words}</p> }.into_any();
    }
    view! {
        <div class="note-list">
            <ul class="notes" aria-label="Notes">
                {found.data.into_iter().map(|note| view! { <Card note deleted=changed/> }).collect_view()}
            </ul>
            <Pager page count link=move |page| list_path(&search, page)/>
        </div>
    }
    .into_any()
}

#[component]
fn Card(note: Note, deleted: impl Fn() + Copy + Send + 'static) -> impl IntoView {
    let (notice, form, path) = (Notice::expect(), Submission::new(None), note_path(&note.id));
    let delete = move |event: SubmitEvent| {
        form.run(
            &event,
            |mut fields| async move { note::remove(&fields.take("id"), None).await },
            move |()| {
                notice.show("Note deleted.");
                // The button that had the focus goes away.
                focus_heading();
                deleted();
            },
        );
    };
    view! {
        <li class="sheet note">
            <h2><a href=path.clone()>{note.title.clone()}</a></h2>
            <p class="note-text">{note.body}</p>
            <Alert form/>
            <div class="note-foot">
                {note.updated_at.map(|at| view! { <Time at/> })}
                <a class="button quiet" href=path aria-label=format!("Edit {}", note.title)>"Edit"</a>
                <form method="post" action=DeleteNote::PATH on:submit=delete>
                    <input type="hidden" name="id" value=note.id/>
                    <button class="button quiet" type="submit" aria-label=format!("Delete {}", note.title)>"Delete"</button>
                </form>
            </div>
        </li>
    }
}

/// Stands in for the list while it is loading.
#[component]
fn Skeleton() -> impl IntoView {
    view! {
        <div class="notes skeleton" aria-busy="true" aria-label="Loading">
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
