//! Files on their way to the API, with how far they are.

use std::sync::Arc;

use leptos::{prelude::*, task::spawn_local};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{File, FileList, ProgressEvent, XmlHttpRequest};

use crate::{
    api::{Problem, attachment},
    component::{Notice, optional},
};

/// The uploads of this page. They go one after another, so that each has the whole line.
#[derive(Clone, Copy)]
pub(super) struct Uploads {
    note: StoredValue<String>,
    rows: RwSignal<Vec<Upload>>,
    /// Called for each file that is there.
    done: StoredValue<Arc<dyn Fn() + Send + Sync>>,
    notice: Notice,
}

#[derive(Clone)]
struct Upload {
    number: u32,
    name: String,
    percent: u32,
    /// Why it failed.
    problem: Option<String>,
    request: SendWrapper<XmlHttpRequest>,
}

impl Uploads {
    pub(super) fn new(note: String, done: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            note: StoredValue::new(note),
            rows: RwSignal::new(Vec::new()),
            done: StoredValue::new(Arc::new(done)),
            notice: Notice::expect(),
        }
    }

    /// Uploads files.
    pub(super) fn start(self, files: &FileList) {
        let mut queue = Vec::new();
        for file in (0..files.length()).filter_map(|index| files.get(index)) {
            let Ok(request) = XmlHttpRequest::new() else { return };
            let number = self.rows.with_untracked(|rows| rows.last().map_or(0, |row| row.number + 1));
            let row = Upload {
                number,
                name: file.name(),
                percent: 0,
                problem: None,
                request: SendWrapper::new(request.clone()),
            };
            self.rows.update(|rows| rows.push(row));
            queue.push((number, file, request));
        }
        let note = self.note.get_value();
        spawn_local(async move {
            for (number, file, request) in queue {
                self.send(&note, number, &file, &request).await;
            }
        });
    }

    /// Sends one that has not been cancelled while it waited. It goes on when the page has gone.
    async fn send(self, note: &str, number: u32, file: &File, request: &XmlHttpRequest) {
        let cancelled = self.rows.try_with_untracked(|rows| rows.iter().all(|row| row.number != number));
        if cancelled == Some(true) {
            return;
        }
        let progress = Closure::<dyn Fn(ProgressEvent)>::new(move |event: ProgressEvent| {
            self.change(number, |row| row.percent = percent(&event));
        });
        match attachment::upload(request, note, file, progress.as_ref().unchecked_ref()).await {
            Ok(()) => {
                self.forget(number);
                self.notice.show("File added.");
                if let Some(done) = self.done.try_get_value() {
                    done();
                }
            }
            Err(problem) => self.change(number, |row| row.problem = Some(sentence(problem))),
        }
    }

    fn change(self, number: u32, change: impl FnOnce(&mut Upload)) {
        self.rows.try_update(|rows| rows.iter_mut().find(|row| row.number == number).map(change));
    }

    fn forget(self, number: u32) {
        self.rows.try_update(|rows| rows.retain(|row| row.number != number));
    }
}

/// How much of the file is there, in whole percents.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
fn percent(event: &ProgressEvent) -> u32 {
    let total = event.total();
    if total > 0.0 { (event.loaded() / total * 100.0) as u32 } else { 0 }
}

/// What is wrong with the file itself, or else with the call.
fn sentence(problem: Problem) -> String {
    problem.field("name").map(str::to_owned).unwrap_or(problem.detail)
}

/// One row for each file that is not there yet.
#[component]
pub(super) fn UploadRows(uploads: Uploads) -> impl IntoView {
    let row = move |upload: &Upload| {
        let Upload { number, name, percent, problem, request } = upload.clone();
        let failed = problem.is_some();
        let state = match problem {
            Some(problem) => view! { <span class="field-error" role="alert">{problem}</span> }.into_any(),
            None => view! { <progress max="100" value=percent aria-label=format!("Uploading {name}")></progress> }
                .into_any(),
        };
        let (verb, label) =
            if failed { ("Dismiss", format!("Dismiss {name}")) } else { ("Cancel", format!("Cancel {name}")) };
        let stop = move |_| {
            let _ = request.abort();
            uploads.forget(number);
        };
        view! {
            <li class="file">
                <span class="file-preview" aria-hidden="true">"↑"</span>
                <p class="file-about"><span>{name}</span> {state}</p>
                <button class="button quiet" type="button" aria-label=label on:click=stop>{verb}</button>
            </li>
        }
    };
    optional(move || {
        uploads.rows.with(|rows| {
            let rows = rows.iter().map(row).collect::<Vec<_>>();
            (!rows.is_empty()).then(|| view! { <ul class="files" aria-label="Uploads">{rows}</ul> })
        })
    })
}
