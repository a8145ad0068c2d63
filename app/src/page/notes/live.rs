//! Follows what other tabs and devices do to the notes, as long as the page is seen.

use std::time::Duration;

use leptos::{ev, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, EventSource};

use super::board::Board;
use crate::{ahead, api::PROXY, component::effect, user::CurrentUser};

/// How long to wait after the connection broke.
const PAUSE: Duration = Duration::from_secs(3);

/// Loads the list anew when a note has changed anywhere.
///
/// The connection is closed while nobody looks: it would keep the page out of the back/forward cache,
/// and HTTP/1.1 allows six to a site.
pub(super) fn follow(board: Board) {
    let stream = Stream { board, source: StoredValue::new_local(None) };
    effect(move || {
        stream.open();
        let look = move || {
            if document().hidden() {
                stream.close();
            } else if stream.open() {
                board.reload_soon();
            }
        };
        let listeners = [
            window_event_listener(ev::visibilitychange, move |_| look()),
            window_event_listener(ev::pageshow, move |_| look()),
            window_event_listener(ev::pagehide, move |_| stream.close()),
        ];
        on_cleanup(move || {
            listeners.into_iter().for_each(WindowListenerHandle::remove);
            stream.close();
        });
    });
}

#[derive(Clone, Copy)]
struct Stream {
    board: Board,
    source: StoredValue<Option<EventSource>, LocalStorage>,
}

impl Stream {
    /// Opens the connection; tells whether there was none before.
    fn open(self) -> bool {
        if document().hidden() || self.source.try_with_value(Option::is_some) != Some(false) {
            return false;
        }
        let Ok(source) = EventSource::new(&format!("{PROXY}/events")) else { return false };
        let hear = Closure::<dyn Fn(Event)>::new(move |event: Event| self.hear(&event)).into_js_value();
        for kind in ["note", "error"] {
            let _ = source.add_event_listener_with_callback(kind, hear.unchecked_ref());
        }
        self.source.set_value(Some(source));
        true
    }

    fn close(self) {
        if let Some(source) = self.source.try_update_value(Option::take).flatten() {
            source.close();
        }
    }

    fn hear(self, event: &Event) {
        if event.type_() == "note" {
            ahead::forget();
            self.board.reload_soon();
            return;
        }
        // By itself the browser would come back with a session that may have ended: first ask. After a
        // refusal it would not come back, and neither do we until the page is seen anew.
        let broken = |source: &Option<EventSource>| {
            source.as_ref().is_some_and(|source| source.ready_state() == EventSource::CONNECTING)
        };
        let broken = self.source.try_with_value(broken) == Some(true);
        self.close();
        if broken {
            set_timeout(move || spawn_local(self.come_back()), PAUSE);
        }
    }

    async fn come_back(self) {
        if self.source.try_with_value(Option::is_none) != Some(true) {
            return;
        }
        let user = CurrentUser::of_page();
        user.check().await;
        if user.is_logged_in_now() && self.open() {
            self.board.reload_soon();
        }
    }
}
