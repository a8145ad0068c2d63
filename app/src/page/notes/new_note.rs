//! The form that adds a note.

use leptos::{ev::SubmitEvent, prelude::*, server_fn::ServerFn};
use web_sys::HtmlFormElement;

use super::board::Board;
use crate::{
    action::note::CreateNote,
    api::{note::Draft, problem},
    component::{Alert, Field, Notice, Submission, Submit, TextField, field_value, form_of, set_field},
    query::Query,
};

/// Adds a note, and is empty for the next one at once. What the API refuses comes back.
#[component]
#[expect(clippy::needless_pass_by_value, reason = "a component owns its properties")]
pub(super) fn NewNote(query: Query, board: Board) -> impl IntoView {
    let (notice, form) = (Notice::expect(), Submission::new(problem::query::read(&query)));
    let submit = move |event: SubmitEvent| {
        let Some(element) = form_of(&event) else { return };
        form.run(
            &event,
            move |mut fields| async move {
                let draft = Draft { title: fields.take("title"), body: fields.take("body") };
                set_field(&element, "title", "");
                set_field(&element, "body", "");
                let outcome = board.add(draft.clone()).await;
                if outcome.is_err() {
                    give_back(&element, draft);
                }
                outcome
            },
            move |()| notice.show("Note added."),
        );
    };
    view! {
        <form method="post" action=CreateNote::PATH class="form sheet new-note" prop:noValidate=true on:submit=submit>
            <Alert form/>
            // Without JavaScript a refused form comes back here, with what was typed in the query.
            <Field form name="title" label="Title" autocomplete="off" max=200 value=query.text("title")/>
            <TextField form name="body" label="Text" value=query.text("body")/>
            <Submit form>"Add note"</Submit>
        </form>
    }
}

/// Puts the text back in front of what has been typed since.
fn give_back(form: &HtmlFormElement, draft: Draft) {
    for (name, text) in [("title", draft.title), ("body", draft.body)] {
        let since = field_value(form, name);
        let text = if since.is_empty() { text } else { format!("{text} {since}") };
        set_field(form, name, &text);
    }
}
