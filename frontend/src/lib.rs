//! The browser's entry: takes over the page that the server has written.

use leptos::{mount::hydrate_from, tachys::dom::body};
use wasm_bindgen::prelude::wasm_bindgen;

/// Hydrates the page, when the code of the page is there. Where that cannot be loaded, the page stays as the server has
/// written it, and works as without JavaScript. The script that the server puts into the page calls it.
#[wasm_bindgen]
pub async fn hydrate() {
    // A release has no text for a panic: `trim` takes it out.
    if cfg!(debug_assertions) {
        console_error_panic_hook::set_once();
    }
    if !app::load_page().await {
        return;
    }
    hydrate_from(body(), app::App).forget();
    app::finish_hydration();
}

/// Room that nothing uses. cargo-leptos gives each page's data a place of its own within that of the whole program,
/// where they take a little more room; and where that does not suffice, it leaves all of them to the first module.
#[used]
static ROOM: [u8; 2048] = [1; 2048];
