//! The page for what does not exist.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{art, respond};

#[component]
pub(crate) fn NotFound() -> impl IntoView {
    respond::status(404);
    view! {
        <Title text="Not found · Vestibule"/>
        <section class="door">
            <span class="door-mark" aria-hidden="true" inner_html=art::MARK></span>
            <h1>"Page not found"</h1>
            <p>"There is no door here. The address may be wrong, or what was here is gone."</p>
            <p><a class="button primary" href="/">"Go to the home page"</a></p>
        </section>
    }
}
