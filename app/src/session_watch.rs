//! Follows what happens to the session while the page is in the background.

use leptos::{ev, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::{Element, PageTransitionEvent};

use crate::user::CurrentUser;

/// Set on `<html>` while a private page lies in the browser's back/forward cache. The style sheet
/// hides the page then, so that it comes back blank until the server has told who is logged in.
const AWAY: &str = "data-away";

/// Asks the server who is logged in whenever the person comes back to the page.
pub(crate) fn watch_session(user: CurrentUser) {
    let asking = StoredValue::new(false);
    let ask = move || async move {
        // Coming back to a tab tells both that it is visible and that it has the focus.
        if !asking.get_value() {
            asking.set_value(true);
            user.check().await;
            asking.set_value(false);
        }
    };
    window_event_listener(ev::visibilitychange, move |_| {
        if !document().hidden() {
            spawn_local(ask());
        }
    });
    window_event_listener(ev::focus, move |_| spawn_local(ask()));
    window_event_listener(ev::pagehide, move |_| {
        if user.is_logged_in_now() {
            let _ = page().map(|page| page.set_attribute(AWAY, ""));
        }
    });
    window_event_listener(ev::pageshow, move |event| {
        if event.dyn_ref::<PageTransitionEvent>().is_some_and(PageTransitionEvent::persisted) {
            spawn_local(async move {
                ask().await;
                let _ = page().map(|page| page.remove_attribute(AWAY));
            });
        }
    });
}

fn page() -> Option<Element> {
    document().document_element()
}
