//! A page that cannot show what was asked for.

use leptos::prelude::*;

use crate::{api::Problem, page::NotFound, respond};

/// Says what is wrong, with a button to try again. What does not exist is the 404 page.
#[component]
pub(crate) fn Trouble(problem: Problem, retry: impl Fn() + Send + 'static) -> impl IntoView {
    // The session's end has its own way: to the log-in page.
    if problem.status == 401 {
        return ().into_any();
    }
    respond::status(problem.status);
    if problem.status == 404 {
        return view! { <NotFound/> }.into_any();
    }
    view! {
        <div class="trouble" role="alert">
            <p>{problem.detail}</p>
            <a
                class="button"
                href=""
                rel="external"
                on:click=move |event| {
                    event.prevent_default();
                    retry();
                }
            >
                "Try again"
            </a>
        </div>
    }
    .into_any()
}
