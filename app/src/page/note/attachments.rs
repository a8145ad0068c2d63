//! The files of a note.

use leptos::{
    ev::{DragEvent, SubmitEvent},
    html::Input,
    prelude::*,
    server_fn::ServerFn,
};

use super::upload::{UploadRows, Uploads};
use crate::{
    action::attachment::{DeleteAttachment, UPLOAD},
    api::{
        Problem,
        attachment::{self, Attachment},
    },
    component::{Alert, Notice, Retry, Submission, focus_heading},
    handover::Data,
    query::{self, use_query},
};

/// The answer of the API.
pub(super) type Files = Data<Result<Vec<Attachment>, Problem>>;

/// Lists the files, and takes new ones: chosen in the form, or dropped anywhere on this part of the page.
#[component]
pub(super) fn Attachments(note: String, files: Files) -> impl IntoView {
    let uploads = Uploads::new(note.clone(), move || files.refetch());
    let over = RwSignal::new(false);
    let drag = move |event: DragEvent| {
        event.prevent_default();
        over.set(true);
    };
    let drop = move |event: DragEvent| {
        event.prevent_default();
        over.set(false);
        if let Some(dropped) = event.data_transfer().and_then(|data| data.files()) {
            uploads.start(&dropped);
        }
    };
    let of = StoredValue::new(note.clone());
    let list = move |found| match found {
        Ok(found) => view! { <List note=of.get_value() found files/> }.into_any(),
        Err(problem) => view! { <Retry problem retry=move || files.refetch()/> }.into_any(),
    };
    let loading = || view! { <p class="loading">"Loading the attachments…"</p> }.into_any();
    view! {
        <section
            class="sheet attachments"
            aria-labelledby="attachments"
            data-over=move || over.get().then_some("")
            on:dragover=drag
            on:dragleave=move |_| over.set(false)
            on:drop=drop
        >
            <h2 id="attachments">"Attachments"</h2>
            {files.wait(loading, list)}
            <UploadRows uploads/>
            <UploadForm note uploads/>
        </section>
    }
}

#[component]
fn List(note: String, found: Vec<Attachment>, files: Files) -> impl IntoView {
    if found.is_empty() {
        return view! { <p class="hint">"No files yet."</p> }.into_any();
    }
    let (notice, form) = (Notice::expect(), Submission::new(None));
    let delete = move |event: SubmitEvent| {
        form.run(
            &event,
            |mut fields| async move { attachment::remove(&fields.take("note"), &fields.take("id")).await },
            move |()| {
                notice.show("File deleted.");
                // The button that had the focus goes away.
                focus_heading();
                files.refetch();
            },
        );
    };
    let row = |file: Attachment| {
        let (url, size, label) = (file.url(&note), file.size(), format!("Delete {}", file.name));
        let preview = if file.is_picture() {
            view! { <img class="file-preview" src=url.clone() alt="" loading="lazy"/> }.into_any()
        } else {
            view! { <span class="file-preview" aria-hidden="true">{file.mark()}</span> }.into_any()
        };
        view! {
            <li class="file">
                {preview}
                <p class="file-about">
                    <a href=url download=file.name>{file.name.clone()}</a>
                    <span class="hint">{size} " · " {file.content_type}</span>
                </p>
                <form method="post" action=DeleteAttachment::PATH on:submit=delete>
                    <input type="hidden" name="note" value=note.clone()/>
                    <input type="hidden" name="id" value=file.id/>
                    <button class="button quiet" type="submit" aria-label=label>"Delete"</button>
                </form>
            </li>
        }
    };
    view! {
        <Alert form/>
        <ul class="files" aria-label="Attachments">{found.into_iter().map(row).collect_view()}</ul>
    }
    .into_any()
}

/// Chooses files. Without JavaScript they are posted as a form.
#[component]
fn UploadForm(note: String, uploads: Uploads) -> impl IntoView {
    let refused = use_query().get_untracked().get("upload_error").and_then(|status| status.parse().ok());
    let form = Submission::new(refused.filter(|status| (400..600).contains(status)).map(Problem::of_status));
    let field = NodeRef::<Input>::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        form.clear();
        if let Some(field) = field.get_untracked() {
            if let Some(chosen) = field.files() {
                uploads.start(&chosen);
            }
            field.set_value("");
        }
    };
    view! {
        <form
            method="post"
            action=query::path(UPLOAD, &[("note", &note)])
            enctype="multipart/form-data"
            class="upload-form"
            on:submit=submit
        >
            <Alert form/>
            <label for="files">"Add files"</label>
            <div class="upload-choice">
                <input id="files" name="files" type="file" multiple required node_ref=field/>
                <button class="button" type="submit">"Upload"</button>
            </div>
            <p class="hint needs-script">"Or drop them here."</p>
        </form>
    }
}
