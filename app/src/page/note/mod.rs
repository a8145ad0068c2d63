//! The page that edits a note, and keeps its files.

mod attachments;
mod conflict;
mod upload;

use leptos::{ev::SubmitEvent, prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_params_map},
};

use self::{
    attachments::{Attachments, Files},
    conflict::{ANEW, Conflict},
};
use crate::{
    action::note::{DeleteNote, UpdateNote},
    api::{
        Problem, attachment,
        note::{self, Draft, Note},
        problem,
    },
    component::{Alert, Edits, Field, Removals, Submission, Submit, TextField, Trouble, optional, part},
    handover,
    page::note_path,
    query::{filled, use_query},
    service::Service,
};

#[component]
pub(crate) fn EditNote() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    // Begins anew with each note: nothing of one is shown as another's.
    part(move || of_note(id.get()))
}

fn of_note(id: String) -> AnyView {
    let id = StoredValue::new(id);
    let note = handover::resource(move || id.get_value(), |id| async move { note::get(&id).await });
    // Asked for at the same time.
    let has_files = Service::expect().has_attachments;
    let files =
        has_files.then(|| handover::resource(move || id.get_value(), |id| async move { attachment::list(&id).await }));
    let content = move |found| match found {
        Ok(note) => view! { <Editor note files/> }.into_any(),
        Err(problem) => view! { <Trouble problem retry=move || note.refetch()/> }.into_any(),
    };
    note.wait(|| view! { <Skeleton/> }.into_any(), content)
}

#[component]
fn Editor(note: Note, files: Option<Files>) -> impl IntoView {
    let (Draft { title, body }, etag, problem) = begin(&note);
    let id = note.id.clone();
    let (form, stored) = (Submission::new(problem), RwSignal::new(Note { etag, ..note }));
    let etag = move || stored.with(|note| note.etag.clone().unwrap_or_default());
    let (save, delete) = (saver(form, stored), deleter(stored));

    view! {
        <Title text="Edit note · Vestibule"/>
        <section class="narrow editor">
            <h1>"Edit note"</h1>
            <div class="sheet">
                <form method="post" action=UpdateNote::PATH class="form" prop:noValidate=true on:submit=save>
                    <Alert form/>
                    <Field form name="title" label="Title" autocomplete="off" max=200 value=title/>
                    <TextField form name="body" label="Text" rows=12 value=body/>
                    <input type="hidden" name="id" value=id.clone()/>
                    <input type="hidden" name="etag" value=etag/>
                    {optional(move || (form.failed_with() == Some(CHANGED)).then(|| view! { <Conflict form stored/> }))}
                    <div class="actions">
                        <Submit form>"Save"</Submit>
                        <a class="button" href="/notes">"Cancel"</a>
                        <button class="button danger" type="submit" form="delete">"Delete"</button>
                    </div>
                </form>
                <form id="delete" method="post" action=DeleteNote::PATH on:submit=delete>
                    <input type="hidden" name="id" value=id.clone()/>
                    <input type="hidden" name="etag" value=etag/>
                </form>
                <form id=ANEW action=note_path(&id)></form>
            </div>
            {files.map(|files| view! { <Attachments note=id files/> })}
        </section>
    }
}

/// The status that tells of another version (RFC 9110 §15.5.13).
const CHANGED: u16 = 412;

/// What the editor begins with: a text, the version that the next save replaces, and why the last one was refused.
fn begin(note: &Note) -> (Draft, Option<String>, Option<Problem>) {
    let query = use_query().get_untracked();
    // A refused form comes back here with what was typed; without JavaScript in the query.
    let (draft, etag, problem) = if let Some((draft, etag, problem)) = Edits::expect().take_refused(&note.id) {
        (draft, etag, Some(problem))
    } else {
        let typed = |name: &str, saved: &str| query.get(name).unwrap_or(saved).to_owned();
        let draft = Draft { title: typed("title", &note.title), body: typed("body", &note.body) };
        (draft, filled(query.text("etag")), problem::query::read(&query))
    };
    // The version that was typed into, and no other; or the one that is shown beside it.
    let is_shown = problem.as_ref().is_some_and(|problem| problem.status == CHANGED);
    let etag = etag.filter(|_| !is_shown).or_else(|| note.etag.clone());
    (draft, etag, problem)
}

/// Stands in for the editor while the note is loading.
#[component]
fn Skeleton() -> impl IntoView {
    view! {
        <div class="narrow editor skeleton">
            <p class="loading">"Loading the note…"</p>
            <div class="sheet" aria-hidden="true"></div>
        </div>
    }
}

/// Saves over the stored version, and goes to the list, which shows the new one at once. When the API
/// refuses, it leads back here; when another version is stored by now, that one is here as well then.
fn saver(form: Submission, stored: RwSignal<Note>) -> impl FnMut(SubmitEvent) + Clone {
    let (edits, navigate) = (Edits::expect(), use_navigate());
    move |event| {
        let navigate = navigate.clone();
        form.run(
            &event,
            |mut fields| async move { Ok(["title", "body", "etag"].map(|name| fields.take(name))) },
            move |[title, body, etag]| {
                // The form's version: what was typed before a log-in came back with its own.
                let note = Note { etag: filled(etag), ..stored.get_untracked() };
                let draft = Draft { title, body };
                let (back, editor) = (navigate.clone(), note_path(&note.id));
                edits.save(note, draft, move || back(&editor, NavigateOptions { replace: true, ..Default::default() }));
                navigate("/notes", NavigateOptions::default());
            },
        );
    }
}

/// Goes back to the list, where the deletion can be taken back for a while.
fn deleter(stored: RwSignal<Note>) -> impl FnMut(SubmitEvent) + Clone {
    let (removals, navigate) = (Removals::expect(), use_navigate());
    move |event: SubmitEvent| {
        event.prevent_default();
        let Note { id, etag, .. } = stored.get_untracked();
        removals.remove(id, etag);
        navigate("/notes", NavigateOptions::default());
    }
}
