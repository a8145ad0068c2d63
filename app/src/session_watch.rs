//! Follows what happens to the session elsewhere: in other tabs, on other devices, and while the
//! page is in the background.

use std::cell::RefCell;

use js_sys::Function;
use leptos::{ev, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{BroadcastChannel, Element, Event, EventSource, PageTransitionEvent};

use crate::{session_end::is_known, user::CurrentUser};

/// Set on `<html>` while a private page lies in the browser's back/forward cache. The style sheet
/// hides the page then, so that it comes back blank until the server has told who is logged in.
const AWAY: &str = "data-away";
/// By which the tabs of this browser tell each other that somebody logged in or out.
const CHANNEL: &str = "session";
/// By which the server tells that the session has ended.
const EVENTS: &str = "/api/session/events";

thread_local! {
    static LINKS: RefCell<Option<Links>> = const { RefCell::new(None) };
}

/// Follows the session: asks the server who is logged in when the person comes back to the page, and
/// when another tab or the server says that something has happened.
pub(crate) fn watch_session(user: CurrentUser) {
    LINKS.set(Some(Links::new(user)));
    Effect::new(move || {
        let logged_in = user.is_logged_in();
        link(user, |_| {});
        // After a log-in on this page.
        if logged_in && !is_known() {
            spawn_local(async move {
                user.follow().await;
            });
        }
    });
    let asking = StoredValue::new(false);
    let come_back = move || {
        link(user, |_| {});
        // Coming back to a tab tells both that it is visible and that it has the focus.
        if !document().hidden() && !asking.get_value() {
            asking.set_value(true);
            spawn_local(async move {
                user.check().await;
                asking.set_value(false);
            });
        }
    };
    window_event_listener(ev::visibilitychange, move |_| come_back());
    window_event_listener(ev::focus, move |_| come_back());
    window_event_listener(ev::pagehide, move |_| {
        link(user, |links| links.away = true);
        if user.is_logged_in_now() {
            let _ = page().map(|page| page.set_attribute(AWAY, ""));
        }
    });
    window_event_listener(ev::pageshow, move |event| {
        if event.dyn_ref::<PageTransitionEvent>().is_some_and(PageTransitionEvent::persisted) {
            link(user, |links| links.away = false);
            spawn_local(async move {
                user.check().await;
                let _ = page().map(|page| page.remove_attribute(AWAY));
            });
        }
    });
}

/// Tells the other tabs that somebody logged in or out here.
pub(crate) fn tell_other_tabs() {
    LINKS.with_borrow(|links| {
        if let Some(channel) = links.as_ref().and_then(|links| links.channel.as_ref()) {
            let _ = channel.post_message(&JsValue::NULL);
        }
    });
}

/// What ties this tab to the others and to the server.
struct Links {
    channel: Option<BroadcastChannel>,
    stream: Option<EventSource>,
    heard: Function,
    /// In the back/forward cache, which takes no page that holds a connection.
    away: bool,
}

impl Links {
    fn new(user: CurrentUser) -> Self {
        let heard = Closure::<dyn Fn(Event)>::new(move |event: Event| {
            let stream = event.target().and_then(|target| target.dyn_into::<EventSource>().ok());
            match stream {
                // What this tab hears from another one, the others hear as well.
                None => spawn_local(async move {
                    let _ = user.follow().await;
                }),
                // A connection that was lost comes back by itself.
                Some(stream) if stream.ready_state() == EventSource::CONNECTING => {}
                Some(_) => spawn_local(user.check()),
            }
        });
        Self { channel: None, stream: None, heard: heard.into_js_value().unchecked_into(), away: false }
    }

    fn hold_channel(&mut self, wanted: bool) {
        match self.channel.take() {
            Some(channel) if !wanted => channel.close(),
            None if wanted => {
                self.channel = BroadcastChannel::new(CHANNEL).ok();
                if let Some(channel) = &self.channel {
                    channel.set_onmessage(Some(&self.heard));
                }
            }
            same => self.channel = same,
        }
    }

    fn hold_stream(&mut self, wanted: bool) {
        match self.stream.take().filter(|stream| stream.ready_state() != EventSource::CLOSED) {
            Some(stream) if !wanted => stream.close(),
            None if wanted => {
                self.stream = EventSource::new(EVENTS).ok();
                if let Some(stream) = &self.stream {
                    stream.set_onerror(Some(&self.heard));
                    let _ = stream.add_event_listener_with_callback("session-ended", &self.heard);
                }
            }
            same => self.stream = same,
        }
    }
}

/// Opens and closes what ties the tab. Only the tab in front has a stream: browsers open no more than
/// six connections to a server that speaks HTTP/1.1, for all tabs together.
fn link(user: CurrentUser, change: impl FnOnce(&mut Links)) {
    LINKS.with_borrow_mut(|links| {
        if let Some(links) = links {
            change(links);
            links.hold_channel(!links.away);
            links.hold_stream(!links.away && !document().hidden() && user.is_logged_in_now());
        }
    });
}

fn page() -> Option<Element> {
    document().document_element()
}
