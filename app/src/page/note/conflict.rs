//! Two versions of a note: the one that is being typed, and the one that somebody else, or another
//! tab, has saved in the meantime.

use leptos::{ev::MouseEvent, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlFormElement};

use crate::{
    api::note::Note,
    component::{Notice, Submission, Time, optional, part, set_field},
};

/// The form that opens the page anew: "Take theirs" without JavaScript.
pub(super) const ANEW: &str = "anew";

/// Shows the stored version below the typed one, and lets the person choose. "Keep mine" saves the
/// form as "Save" does, over the version that is shown.
#[component]
pub(super) fn Conflict(form: Submission, stored: RwSignal<Note>) -> impl IntoView {
    let notice = Notice::expect();
    let take_theirs = move |event: MouseEvent| {
        let Some(element) = form_around(&event) else { return };
        event.prevent_default();
        stored.with_untracked(|note| {
            set_field(&element, "title", &note.title);
            set_field(&element, "body", &note.body);
        });
        form.clear();
        notice.show("The stored version is in the form.");
        if let Some(field) = element.elements().named_item("title") {
            let _ = field.unchecked_into::<HtmlElement>().focus();
        }
    };
    let text = move |of: fn(&Note) -> &str| part(move || stored.with(|note| of(note).to_owned()));
    let time = optional(move || stored.with(|note| note.updated_at.clone()).map(|at| view! { <Time at/> }));
    view! {
        <section class="conflict" aria-labelledby="conflict">
            <p class="hint"><strong id="conflict">"Stored now"</strong> " " {time}</p>
            <h2>{text(|note| &note.title)}</h2>
            <p class="note-text">{text(|note| &note.body)}</p>
            <div class="actions">
                <button class="button" type="submit">"Keep mine"</button>
                <button class="button" type="submit" form=ANEW on:click=take_theirs>"Take theirs"</button>
            </div>
        </section>
    }
}

fn form_around(event: &MouseEvent) -> Option<HtmlFormElement> {
    let button: Element = event.target()?.dyn_into().ok()?;
    button.closest("form").ok()??.dyn_into().ok()
}
