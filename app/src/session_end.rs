//! When the session ends, and a notice ahead of it.
//!
//! The server tells how long the session goes on when nothing happens. Any call prolongs it, also in
//! another tab, so that the server is asked once more before the notice is shown, and now and then
//! while it is. Asking is no activity.

use leptos::prelude::*;

/// The context's part that tells of the session's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionEnd {
    /// The time of day at which it ends, as soon as that is near; else empty.
    at: RwSignal<String>,
    /// Whether the person can put the end off.
    can_be_put_off: RwSignal<bool>,
}

impl SessionEnd {
    pub(crate) fn new() -> Self {
        Self { at: RwSignal::new(String::new()), can_be_put_off: RwSignal::new(false) }
    }

    /// The time of day at which the session ends, as soon as that is near; else empty. Followed.
    pub(crate) fn near(self) -> String {
        self.at.get()
    }

    /// Whether that is near at this moment.
    pub(crate) fn is_near_now(self) -> bool {
        self.at.with_untracked(|at| !at.is_empty())
    }

    /// Whether the person can put the end off, followed.
    pub(crate) fn can_be_put_off(self) -> bool {
        self.can_be_put_off.get()
    }

    /// The same at this moment.
    pub(crate) fn can_be_put_off_now(self) -> bool {
        self.can_be_put_off.get_untracked()
    }
}

#[cfg(not(feature = "ssr"))]
pub(crate) use browser::is_known;

#[cfg(not(feature = "ssr"))]
mod browser {
    use std::{
        cell::{Cell, RefCell},
        time::Duration,
    };

    use leptos::{prelude::*, task::spawn_local};

    use super::SessionEnd;
    use crate::{api::session::SessionInfo, component::focus_heading, user::CurrentUser};

    /// How long before the end the notice is shown, in seconds; of a short session in its last quarter.
    const AHEAD: u32 = 120;
    /// How often the server is asked while the notice is shown, in seconds.
    const STEP: u32 = 5;
    /// How long to wait at most, in seconds: a browser's timers take no month.
    const LONGEST_WAIT: u32 = 12 * 60 * 60;

    thread_local! {
        /// Tells the timer that counts from those before it.
        static TIMER: Cell<u32> = const { Cell::new(0) };
        /// The longest time that this session was said to go on, in seconds.
        static LONGEST: Cell<u32> = const { Cell::new(0) };
        /// What the server has written into the page, until that is taken over.
        static TOLD: RefCell<Option<SessionInfo>> = const { RefCell::new(None) };
        /// The end that is shown, in seconds since the epoch.
        static SHOWN: Cell<f64> = const { Cell::new(0.0) };
    }

    /// Whether the server has told when the session ends.
    pub(crate) fn is_known() -> bool {
        LONGEST.get() > 0
    }

    impl SessionEnd {
        /// Takes what the server has written into the page. The notice is no part of the page that it has
        /// written, and has to wait for [`Self::begin`].
        pub(crate) fn expect(session: SessionInfo) {
            LONGEST.set(session.seconds_at_most.or(session.seconds_left).unwrap_or_default());
            TOLD.set(Some(session));
        }

        /// The page has been taken over.
        pub(crate) fn begin(self) {
            if let Some(session) = TOLD.take() {
                self.learn(&session);
            }
        }

        /// Follows what the server has told.
        pub(crate) fn learn(self, session: &SessionInfo) {
            let Some(left) = session.seconds_left else { return self.forget() };
            LONGEST.set(LONGEST.get().max(left));
            let ahead = AHEAD.min(LONGEST.get() / 4);
            let wait = if left <= ahead {
                self.show(left, session.can_be_prolonged);
                STEP.min(left + 1)
            } else {
                self.hide();
                (left - ahead).min(LONGEST_WAIT)
            };
            TIMER.set(TIMER.get().wrapping_add(1));
            look_again(TIMER.get(), wait);
        }

        /// There is no session.
        pub(crate) fn forget(self) {
            LONGEST.set(0);
            TIMER.set(TIMER.get().wrapping_add(1));
            self.hide();
        }

        fn show(self, left: u32, can_be_put_off: bool) {
            let end = js_sys::Date::now() / 1000.0 + f64::from(left);
            let same =
                (end - SHOWN.get()).abs() < f64::from(STEP) && self.can_be_put_off.get_untracked() == can_be_put_off;
            // What is announced once is not announced again because of a rounded second.
            if same && self.is_near_now() {
                return;
            }
            SHOWN.set(end);
            self.can_be_put_off.set(can_be_put_off);
            let date = js_sys::Date::new(&(end * 1000.0).into());
            self.at.set(format!("{:02}:{:02}", date.get_hours(), date.get_minutes()));
        }

        fn hide(self) {
            if !self.is_near_now() {
                return;
            }
            if let Ok(Some(_)) = document().query_selector(".ending :focus") {
                // The button that has the focus goes away.
                focus_heading();
            }
            self.at.set(String::new());
        }
    }

    fn look_again(timer: u32, seconds: u32) {
        let look = async move {
            CurrentUser::of_page().check().await;
            // The server could not be asked.
            if TIMER.get() == timer {
                look_again(timer, STEP);
            }
        };
        let when_due = move || {
            if TIMER.get() == timer {
                spawn_local(look);
            }
        };
        set_timeout(when_due, Duration::from_secs(seconds.into()));
    }
}
