//! The browser's entry: takes over the page that the server has written.

use leptos::{mount::hydrate_from_async, tachys::dom::body};
use wasm_bindgen::prelude::wasm_bindgen;

/// Hydrates the page, when the code of the page is there. Where that cannot be loaded, the page stays as the server has
/// written it, and works as without JavaScript. The script that the server puts into the page calls it.
#[wasm_bindgen]
pub async fn hydrate() {
    console_error_panic_hook::set_once();
    if !app::load_page().await {
        return;
    }
    hydrate_from_async(body(), app::App).await.forget();
    app::finish_hydration();
}
