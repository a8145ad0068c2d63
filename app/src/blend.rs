//! Blends one page into the next when somebody follows a link, where the browser can (CSS View
//! Transitions Level 1).
//!
//! The router has a transition of its own, whose promises reject unheard when one navigation overtakes
//! another. Here they are heard.

use std::cell::Cell;

use js_sys::{Array, Function, Promise, Reflect};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlElement, MouseEvent};

use crate::ahead::LINK;

thread_local! {
    /// Whether the click is ours, for the router.
    static PASSING: Cell<bool> = const { Cell::new(false) };
}

/// Holds each click on a link until the browser has a picture of the page, and then passes it on.
pub(crate) fn blend_pages() {
    let hold = Closure::<dyn Fn(MouseEvent)>::new(|event: MouseEvent| {
        if let Some((link, start)) = link_to_another_page(&event).zip(starter())
            && let Ok(transition) = start.call1(&document(), &follower(link))
        {
            event.prevent_default();
            event.stop_immediate_propagation();
            hear(&transition);
        }
    });
    // Before the router, which listens at the window as well.
    let _ = window().add_event_listener_with_callback_and_bool("click", hold.into_js_value().unchecked_ref(), true);
}

fn link_to_another_page(event: &MouseEvent) -> Option<HtmlElement> {
    let opens_elsewhere = event.meta_key() || event.ctrl_key() || event.shift_key() || event.alt_key();
    if PASSING.get() || opens_elsewhere || event.button() != 0 || event.default_prevented() || document().hidden() {
        return None;
    }
    let link = event.target()?.dyn_into::<Element>().ok()?.closest(LINK).ok()??;
    let to = link.get_attribute("href")?;
    let here = location().pathname().ok()?;
    (to.split(['?', '#']).next() != Some(&here)).then(|| link.unchecked_into())
}

/// `document.startViewTransition`, unless the person wants nothing to move.
fn starter() -> Option<Function> {
    let still = window().match_media("(prefers-reduced-motion: reduce)").ok()??.matches();
    Reflect::get(&document(), &"startViewTransition".into()).ok()?.dyn_into().ok().filter(|_| !still)
}

/// What the browser calls when it has its picture: follows the link, and is done as soon as the router has
/// changed the page.
fn follower(link: HtmlElement) -> JsValue {
    let follow = move || {
        PASSING.set(true);
        link.click();
        PASSING.set(false);
        Promise::new(&mut |done, _| {
            let _ = window().set_timeout_with_callback(&done);
        })
    };
    Closure::once_into_js(follow)
}

/// A transition that is skipped rejects; the page has changed all the same.
fn hear(transition: &JsValue) {
    let promises = ["updateCallbackDone", "ready", "finished"].map(|name| Reflect::get(transition, &name.into()));
    let all = Promise::all_settled(&promises.into_iter().flatten().collect::<Array>());
    spawn_local(async move {
        let _ = JsFuture::from(all).await;
    });
}
