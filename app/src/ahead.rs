//! Asks for a page's data while somebody is still aiming at the link to it. What has come, or is on its
//! way, is what the page gets when it asks: each answer once, and only for a few seconds.

use std::{cell::RefCell, time::Duration};

use js_sys::{Date, Promise, Reflect};
use leptos::{ev, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, Event};

use crate::{api::browser, page, service::Service, user::CurrentUser};

/// How long somebody aims before it is taken for more than passing by.
const AIM: Duration = Duration::from_millis(80);
/// How long an answer is good for, in milliseconds.
const FRESH: f64 = 10_000.0;
/// Links within the site that show a page.
pub(crate) const LINK: &str = "a[href^=\"/\"]:not([download], [target], [rel~=external])";

thread_local! {
    /// Where the link leads that the pointer is on, or the focus.
    static AIMED_AT: RefCell<String> = const { RefCell::new(String::new()) };
    static ASKED: RefCell<Vec<Asked>> = const { RefCell::new(Vec::new()) };
}

struct Asked {
    url: String,
    answer: Promise,
    at: f64,
}

/// Follows the pointer and the focus.
pub(crate) fn ask_ahead(user: CurrentUser, service: Service) {
    let aim = move |event: &Event| {
        let link = event.target().and_then(|target| target.dyn_into::<Element>().ok()?.closest(LINK).ok()?);
        let to = link.and_then(|link| link.get_attribute("href")).unwrap_or_default();
        if to.is_empty() || AIMED_AT.with_borrow(|before| *before == to) {
            AIMED_AT.set(to);
            return;
        }
        AIMED_AT.set(to.clone());
        let when_sure = move || {
            if AIMED_AT.with_borrow(|now| *now == to) && user.is_logged_in_now() && !is_here(&to) && !saves_data() {
                for path in page::data(&to, service) {
                    ask(&path);
                }
            }
        };
        set_timeout(when_sure, AIM);
    };
    window_event_listener(ev::pointerover, move |event| aim(&event));
    window_event_listener(ev::focusin, move |event| aim(&event));
    // From here on the page asks by itself.
    window_event_listener(ev::click, |_| AIMED_AT.set(String::new()));
}

/// The answer to a call that was made ahead.
pub(crate) fn take(url: &str) -> Option<Promise> {
    ASKED.with_borrow_mut(|asked| {
        let index = asked.iter().position(|it| it.url == url && it.is_fresh())?;
        Some(asked.swap_remove(index).answer)
    })
}

/// Something has changed: what was asked before is of yesterday.
pub(crate) fn forget() {
    ASKED.with_borrow_mut(Vec::clear);
}

fn ask(path: &str) {
    let url = browser::proxied(path);
    let known = ASKED.with_borrow_mut(|asked| {
        asked.retain(Asked::is_fresh);
        asked.iter().any(|it| it.url == url)
    });
    if known {
        return;
    }
    if let Ok(answer) = browser::begin_get(&url) {
        ASKED.with_borrow_mut(|asked| asked.push(Asked { url, answer: answer.clone(), at: Date::now() }));
        // Whoever asks for it is told why there is none.
        spawn_local(async move {
            let _ = JsFuture::from(answer).await;
        });
    }
}

impl Asked {
    fn is_fresh(&self) -> bool {
        Date::now() - self.at < FRESH
    }
}

fn is_here(to: &str) -> bool {
    let here = location().pathname().and_then(|path| Ok(path + &location().search()?));
    here.is_ok_and(|here| here == to)
}

/// Whether the person wants few data sent (the browser's `Save-Data`).
fn saves_data() -> bool {
    let connection = Reflect::get(&window().navigator(), &"connection".into());
    connection.and_then(|connection| Reflect::get(&connection, &"saveData".into())).is_ok_and(|saves| saves.is_truthy())
}
