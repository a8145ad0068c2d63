//! The page that edits a note.

use leptos::{ev::SubmitEvent, prelude::*, server_fn::ServerFn, task::spawn_local};
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_params_map},
};

use crate::{
    action::note::{DeleteNote, UpdateNote},
    api::{
        Problem,
        note::{self, Draft, Note},
        problem,
    },
    component::{Alert, Field, Notice, Submission, Submit, TextField, Trouble},
    handover,
    query::use_query,
};

#[component]
pub(crate) fn EditNote() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let note = handover::resource(move || id.get(), |id| async move { note::get(&id).await });
    let content = move || {
        Suspend::new(async move {
            match note.await {
                Ok(note) => view! { <Editor note/> }.into_any(),
                Err(problem) => view! { <Trouble problem retry=move || note.refetch()/> }.into_any(),
            }
        })
    };
    view! { <Suspense fallback=|| view! { <p class="loading" aria-busy="true">"Loading the note…"</p> }>{content}</Suspense> }
}

#[component]
fn Editor(note: Note) -> impl IntoView {
    let query = use_query().get_untracked();
    let form = Submission::new(problem::query::read(&query));
    // Without JavaScript a refused form comes back here, with what was typed in the query.
    let typed = |name: &str, saved: &str| query.get(name).unwrap_or(saved).to_owned();
    let (title, body) = (typed("title", &note.title), typed("body", &note.body));
    // The version on the server: the next save replaces it, and no other.
    let server = RwSignal::new(note.clone());
    let etag = move || server.with(|note| note.etag.clone().unwrap_or_default());
    let id = note.id;
    let (save, delete) = (saver(form, server), deleter(form));

    view! {
        <Title text="Edit note · Vestibule"/>
        <section class="narrow editor">
            <h1>"Edit note"</h1>
            <div class="sheet">
                <form method="post" action=UpdateNote::PATH class="form" prop:noValidate=true on:submit=save>
                    <Alert form/>
                    {move || (form.failed_with() == Some(412)).then(|| view! { <OtherVersion note=server/> })}
                    <Field form name="title" label="Title" autocomplete="off" max=200 value=title/>
                    <TextField form name="body" label="Text" rows=12 value=body/>
                    <input type="hidden" name="id" value=id.clone()/>
                    <input type="hidden" name="etag" value=etag/>
                    <div class="actions">
                        <Submit form>"Save"</Submit>
                        <a class="button" href="/notes">"Cancel"</a>
                        <button class="button danger" type="submit" form="delete">"Delete"</button>
                    </div>
                </form>
                <form id="delete" method="post" action=DeleteNote::PATH on:submit=delete>
                    <input type="hidden" name="id" value=id/>
                    <input type="hidden" name="etag" value=etag/>
                </form>
            </div>
        </section>
    }
}

/// What somebody else, or another tab, has saved in the meantime.
#[component]
fn OtherVersion(note: RwSignal<Note>) -> impl IntoView {
    view! {
        <aside class="other-version" aria-labelledby="other-version">
            <p class="hint" id="other-version">"The other version"</p>
            <h2>{move || note.with(|note| note.title.clone())}</h2>
            <p class="note-text">{move || note.with(|note| note.body.clone())}</p>
        </aside>
    }
}

fn saver(form: Submission, server: RwSignal<Note>) -> impl FnMut(SubmitEvent) + Clone {
    let leave = leaver("Note saved.");
    move |event| {
        let leave = leave.clone();
        form.run(
            &event,
            move |mut fields| async move {
                let draft = Draft { title: fields.take("title"), body: fields.take("body") };
                let (id, etag) = (fields.take("id"), server.with_untracked(|note| note.etag.clone()));
                let outcome = note::update(&id, &draft, etag).await;
                if matches!(&outcome, Err(Problem { status: 412, .. })) {
                    show_other_version(id, server);
                }
                outcome
            },
            move |_| leave(),
        );
    }
}

fn deleter(form: Submission) -> impl FnMut(SubmitEvent) + Clone {
    let leave = leaver("Note deleted.");
    move |event| {
        let leave = leave.clone();
        form.run(
            &event,
            |mut fields| async move {
                let etag = Some(fields.take("etag")).filter(|etag| !etag.is_empty());
                note::remove(&fields.take("id"), etag).await
            },
            move |()| leave(),
        );
    }
}

fn show_other_version(id: String, server: RwSignal<Note>) {
    spawn_local(async move {
        if let Ok(other) = note::get(&id).await {
            server.set(other);
        }
    });
}

/// Goes back to the list, with a word about what has been done.
fn leaver(done: &'static str) -> impl Fn() + Clone {
    let (notice, navigate) = (Notice::expect(), use_navigate());
    move || {
        navigate("/notes", NavigateOptions::default());
        notice.show(done);
    }
}
