//! The switch between light and dark.

use leptos::{ev::MouseEvent, prelude::*, server_fn::ServerFn, task::spawn_local};

use super::Fields;
use crate::{action::theme::SetTheme, api::session, theme::Theme};

/// Three buttons. Without JavaScript they lead back to `here`.
#[component]
pub(crate) fn ThemeSwitch(here: String) -> impl IntoView {
    let current = RwSignal::new(Theme::current());
    let choose = move |event: MouseEvent, theme: Theme| {
        event.prevent_default();
        theme.show();
        current.set(theme);
        // Where the server cannot be reached, the choice holds for this page.
        spawn_local(async move {
            let _ = session::post::<()>(SetTheme::PATH, Fields::one("theme", theme.name())).await;
        });
    };
    let button = move |theme: Theme| {
        view! {
            <button
                type="submit"
                name="theme"
                value=theme.name()
                aria-pressed=move || (current.get() == theme).to_string()
                on:click=move |event| choose(event, theme)
            >
                {theme.label()}
            </button>
        }
    };
    view! {
        <form method="post" action=SetTheme::PATH>
            <input type="hidden" name="return_to" value=here/>
            <div role="group" aria-label="Theme" class="theme-switch">{Theme::ALL.map(button)}</div>
        </form>
    }
}
