//! Forms: without JavaScript the browser posts them to a server function, with JavaScript the page
//! stays and the same fields go by `fetch`.

use std::{future::Future, pin::Pin};

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::{Element, FormData, HtmlElement, HtmlFormElement, HtmlInputElement, HtmlTextAreaElement};

use super::optional;
use crate::api::Problem;

/// What a form is doing: nothing, working, or showing why it was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Submission {
    busy: RwSignal<bool>,
    problem: RwSignal<Option<Problem>>,
}

/// What a form does, and then what is done when it was not refused.
type Work = Box<dyn FnOnce(Fields) -> Pin<Box<dyn Future<Output = Result<Box<dyn FnOnce()>, Problem>>>>>;

impl Submission {
    /// Starts with nothing, or with what a failed form without JavaScript has left in the URL.
    pub(crate) fn new(problem: Option<Problem>) -> Self {
        Self { busy: RwSignal::new(false), problem: RwSignal::new(problem) }
    }

    /// Handles the event: checks the fields as the browser would, sends them once, and shows what
    /// was refused with the focus on the first wrong field. What was typed stays.
    pub(crate) fn run<T, W>(
        self,
        event: &SubmitEvent,
        work: impl FnOnce(Fields) -> W + 'static,
        done: impl FnOnce(T) + 'static,
    ) where
        T: 'static,
        W: Future<Output = Result<T, Problem>> + 'static,
    {
        // What differs from form to form, and no more, is compiled for each.
        self.start(
            event,
            Box::new(move |fields| {
                let working = work(fields);
                Box::pin(async move { working.await.map(|value| Box::new(move || done(value)) as Box<dyn FnOnce()>) })
            }),
        );
    }

    fn start(self, event: &SubmitEvent, work: Work) {
        event.prevent_default();
        let Some(form) = form_of(event) else { return };
        if self.busy.get_untracked() {
            return;
        }
        if let Some(problem) = invalid(&form) {
            self.show(problem, form);
            return;
        }
        self.busy.set(true);
        self.problem.set(None);
        let fields = Fields::of(&form);
        spawn_local(async move {
            let outcome = work(fields).await;
            // The page may have gone in the meantime.
            let _ = self.busy.try_set(false);
            match outcome {
                Ok(done) => done(),
                Err(problem) => self.show(problem, form),
            }
        });
    }

    /// Shows why the form was refused.
    fn show(self, problem: Problem, form: HtmlFormElement) {
        if self.problem.try_set(Some(problem)).is_none() {
            request_animation_frame(move || {
                // Who is refused as a whole has most likely mistyped the password.
                let wrong = ["[aria-invalid]", "[autocomplete=current-password]"];
                let field = wrong.into_iter().find_map(|field| form.query_selector(field).ok().flatten());
                let _ = field.map(|field| field.unchecked_into::<HtmlElement>().focus());
            });
        }
    }

    /// What is wrong with a field, followed.
    pub(crate) fn field_error(self, name: &str) -> Option<String> {
        self.problem.with(|problem| problem.as_ref()?.field(name).map(str::to_owned))
    }

    /// Whether the page begins with a refused form, as one without JavaScript does.
    pub(crate) fn failed_at_first(self) -> bool {
        self.problem.with_untracked(Option::is_some)
    }

    /// Whether the page begins with something wrong in a field: where there is no JavaScript, the browser
    /// puts the focus there.
    pub(crate) fn begins_with_error(self, name: &str) -> bool {
        self.problem.with_untracked(|problem| problem.as_ref().is_some_and(|problem| problem.field(name).is_some()))
    }

    /// Forgets why the form was refused.
    pub(crate) fn clear(self) {
        self.problem.set(None);
    }

    /// The status of the failure, followed.
    pub(crate) fn failed_with(self) -> Option<u16> {
        self.problem.with(|problem| problem.as_ref().map(|problem| problem.status))
    }
}

/// What stands in a field now.
pub(crate) fn field_value(form: &HtmlFormElement, name: &str) -> String {
    let value = field(form, name).and_then(|field| js_sys::Reflect::get(&field, &"value".into()).ok());
    value.and_then(|value| value.as_string()).unwrap_or_default()
}

/// Puts a text into a field.
pub(crate) fn set_field(form: &HtmlFormElement, name: &str, text: &str) {
    if let Some(field) = field(form, name) {
        let _ = js_sys::Reflect::set(&field, &"value".into(), &text.into());
    }
}

fn field(form: &HtmlFormElement, name: &str) -> Option<Element> {
    form.elements().named_item(name)
}

/// The form that is being submitted.
pub(crate) fn form_of(event: &SubmitEvent) -> Option<HtmlFormElement> {
    event.target()?.dyn_into().ok()
}

/// What the browser finds wrong with the fields, in its own words and language.
fn invalid(form: &HtmlFormElement) -> Option<Problem> {
    let elements = form.elements();
    let mut problem = Problem::of_status(422);
    for index in 0..elements.length() {
        let Some(element) = elements.item(index) else { continue };
        if let Some(input) = element.dyn_ref::<HtmlInputElement>() {
            if !input.check_validity() {
                problem.fields.push((input.name(), input.validation_message().unwrap_or_default()));
            }
        } else if let Some(area) = element.dyn_ref::<HtmlTextAreaElement>()
            && !area.check_validity()
        {
            problem.fields.push((area.name(), area.validation_message().unwrap_or_default()));
        }
    }
    (!problem.fields.is_empty()).then_some(problem)
}

/// The fields of a submitted form.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    fn of(form: &HtmlFormElement) -> Self {
        let pairs = FormData::new_with_form(form).ok().and_then(|data| js_sys::try_iter(&data).ok().flatten());
        let pairs = pairs.into_iter().flatten().flatten().filter_map(|pair| {
            let pair: js_sys::Array = pair.dyn_into().ok()?;
            Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
        });
        Self(pairs.collect())
    }

    /// One field that no form holds.
    pub(crate) fn one(name: &str, value: &str) -> Self {
        Self(vec![(name.to_owned(), value.to_owned())])
    }

    /// Takes the text of a field.
    pub(crate) fn take(&mut self, name: &str) -> String {
        let found = self.0.iter().position(|(key, _)| key == name);
        found.map(|index| self.0.swap_remove(index).1).unwrap_or_default()
    }

    /// All fields as the browser would post them.
    #[cfg(not(feature = "ssr"))]
    pub(crate) fn encode(&self) -> String {
        use crate::query::escape;

        let pairs = self.0.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// Why the form as a whole was refused.
#[component]
pub(crate) fn Alert(form: Submission) -> impl IntoView {
    optional(move || {
        form.problem.with(|problem| {
            problem.as_ref().map(|problem| view! { <p class="alert" role="alert">{problem.detail.clone()}</p> })
        })
    })
}

/// The button that sends the form. It keeps the focus while it works, and does nothing twice.
#[component]
pub(crate) fn Submit(form: Submission, children: Children) -> impl IntoView {
    view! {
        <button class="button primary" type="submit" aria-busy=move || form.busy.get().then_some("true")>
            {children()}
        </button>
    }
}
