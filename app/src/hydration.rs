//! The end of hydration: the browser has taken the page over.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// Marks the page as taken over, and removes what the server handed over inside it: a person's data
/// must not lie about in the document after they have logged out.
pub fn finish_hydration() {
    if let Ok(scripts) = document().query_selector_all("body > script") {
        for index in 0..scripts.length() {
            if let Some(script) = scripts.item(index).and_then(|node| node.dyn_into::<Element>().ok()) {
                script.remove();
            }
        }
    }
    // The style sheet shows what needs scripts now, and tests know when to start.
    if let Some(page) = document().document_element() {
        let _ = page.set_attribute("data-hydrated", "true");
    }
    #[cfg(not(feature = "ssr"))]
    crate::user::CurrentUser::of_page().end().begin();
}
