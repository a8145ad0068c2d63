//! The browser's entry: takes over the page that the server has written.

use wasm_bindgen::prelude::wasm_bindgen;

/// Hydrates the page. The script that the server puts into the page calls it.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
    app::finish_hydration();
}
