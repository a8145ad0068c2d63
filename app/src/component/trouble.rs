//! What cannot be shown, and a button to try again.

use leptos::prelude::*;

use crate::{api::Problem, page::NotFound, respond};

/// In place of a whole page: the answer gets the problem's status, and what does not exist is the 404
/// page.
#[component]
pub(crate) fn Trouble(problem: Problem, retry: impl Fn() + Send + 'static) -> impl IntoView {
    // The session's end has its own way: to the log-in page.
    if problem.status != 401 {
        respond::status(problem.status);
    }
    if problem.status == 404 { view! { <NotFound/> }.into_any() } else { view! { <Retry problem retry/> }.into_any() }
}

/// In place of a part of a page that is fine without it.
#[component]
pub(crate) fn Retry(problem: Problem, retry: impl Fn() + Send + 'static) -> impl IntoView {
    (problem.status != 401).then(|| {
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
    })
}
