//! Who is logged in: known to every page, from the first byte of HTML on.
//!
//! The server fills the context from the session and hands it to the browser inside the page, so
//! that nothing flashes and nothing is asked twice. It holds the person, never a token, and nothing
//! is kept in the browser's storage.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{api::session::SessionInfo, handover, query, session_end::SessionEnd};
#[cfg(not(feature = "ssr"))]
use crate::{session_watch::tell_other_tabs, typed};

/// The person, as the API describes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// The API's name for the person.
    #[serde(deserialize_with = "crate::api::id", alias = "_id")]
    pub id: String,
    /// What to call them.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
}

impl User {
    /// Reads the person from the API's JSON; what is missing stays empty.
    #[cfg(feature = "ssr")]
    pub(crate) fn from_json(json: serde_json::Value) -> Self {
        serde_json::from_value(json).unwrap_or_default()
    }

    /// The name, or the e-mail address of somebody without one.
    pub(crate) fn display_name(&self) -> String {
        if self.name.is_empty() { self.email.clone() } else { self.name.clone() }
    }
}

/// The context that tells who is logged in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CurrentUser {
    user: RwSignal<Option<User>>,
    /// Whether the session ended on its own, and not by a log-out here.
    ended: RwSignal<bool>,
    /// Whether the person is logging out: what is asked from now on would be refused.
    leaving: RwSignal<bool>,
    end: SessionEnd,
}

impl CurrentUser {
    /// Fills the context and provides it to all pages.
    pub(crate) fn provide() -> Self {
        let (session, ended) = handover::value(from_session);
        let current = Self {
            user: RwSignal::new(session.user.clone()),
            ended: RwSignal::new(ended),
            leaving: RwSignal::new(false),
            end: SessionEnd::new(),
        };
        provide_context(current);
        #[cfg(not(feature = "ssr"))]
        {
            of_page::set(current);
            SessionEnd::expect(session);
        }
        current
    }

    /// The context, within a component.
    pub(crate) fn expect() -> Self {
        expect_context()
    }

    /// Who is logged in, followed.
    pub(crate) fn get(self) -> Option<User> {
        self.user.get()
    }

    /// Who is logged in at this moment.
    pub(crate) fn now(self) -> Option<User> {
        self.user.get_untracked()
    }

    /// The API's name for who is logged in: it changes with the person, and not with what they are called.
    pub(crate) fn id(self) -> Memo<Option<String>> {
        Memo::new(move |_| self.user.with(|user| user.as_ref().map(|user| user.id.clone())))
    }

    /// Whether somebody is logged in, followed.
    pub(crate) fn is_logged_in(self) -> bool {
        self.user.with(Option::is_some)
    }

    /// When the session ends.
    pub(crate) fn end(self) -> SessionEnd {
        self.end
    }

    /// Whether the person is logging out.
    pub(crate) fn is_leaving(self) -> bool {
        self.leaving.get_untracked()
    }

    /// The person is about to log out.
    pub(crate) fn leave(self) {
        self.leaving.set(true);
    }

    /// The log-out failed.
    pub(crate) fn come_back(self) {
        self.leaving.set(false);
    }

    /// Whether the session ended on its own.
    pub(crate) fn has_ended(self) -> bool {
        self.ended.get_untracked()
    }

    /// Whether the session ended on its own, told once: the log-in page says so one time.
    pub(crate) fn take_ended(self) -> bool {
        self.ended.try_update(std::mem::take).unwrap_or_default()
    }

    /// Somebody logged in here, or is called otherwise from now on.
    pub(crate) fn log_in(self, user: User) {
        self.put(Some(user), false);
        tell_other_tabs();
    }

    /// The person logged out here.
    pub(crate) fn log_out(self) {
        self.put(None, false);
        tell_other_tabs();
    }

    fn put(self, user: Option<User>, ended: bool) {
        if user.is_some() {
            self.come_back();
        }
        #[cfg(not(feature = "ssr"))]
        {
            // What was asked for one person is not for the next.
            crate::ahead::forget();
            if user.is_none() {
                self.end.forget();
            }
        }
        self.ended.set(ended);
        self.user.set(user);
    }
}

/// The server has no tabs.
#[cfg(feature = "ssr")]
fn tell_other_tabs() {}

/// Nobody types on the server, or presses a button.
#[cfg(feature = "ssr")]
#[expect(clippy::unused_self, clippy::unused_async, reason = "the browser's half does it")]
impl CurrentUser {
    pub(crate) fn keep_typed(self) {}

    pub(crate) fn give_typed_back(self, _: &str) {}

    pub(crate) async fn stay(self) -> bool {
        false
    }
}

/// The browser keeps the context up to date.
#[cfg(not(feature = "ssr"))]
impl CurrentUser {
    /// The context, where there is no component around: in answers to `fetch`.
    pub(crate) fn of_page() -> Self {
        of_page::get()
    }

    /// Whether somebody is logged in at this moment.
    pub(crate) fn is_logged_in_now(self) -> bool {
        self.user.with_untracked(Option::is_some)
    }

    /// Says that the person is still here; tells whether that was heard. The other tabs learn of it.
    pub(crate) async fn stay(self) -> bool {
        let heard = crate::api::session::stay().await.is_ok();
        self.follow().await;
        tell_other_tabs();
        heard
    }

    /// Keeps what is typed on this page for when the same person is here again.
    pub(crate) fn keep_typed(self) {
        if let Some(user) = self.now() {
            typed::keep(&user, location().pathname().unwrap_or_default());
        }
    }

    /// Puts what was typed on this page back into its fields.
    pub(crate) fn give_typed_back(self, page: &str) {
        if let Some(user) = self.now() {
            typed::give_back(&user, page);
        }
    }

    /// Asks the server who is logged in, follows, and tells the other tabs of a change.
    pub(crate) async fn check(self) {
        if self.follow().await {
            tell_other_tabs();
        }
    }

    /// Asks the server who is logged in, and follows: another tab may have logged out or in. Where a
    /// session has ended, private pages give way to the log-in page. Tells whether anything has changed.
    pub(crate) async fn follow(self) -> bool {
        let before = self.user.get_untracked();
        let Ok(session) = crate::api::session::current().await else { return false };
        // Somebody logged in or out here in the meantime: the answer is of yesterday.
        if self.user.with_untracked(|user| *user != before) {
            return false;
        }
        self.end.learn(&session);
        if session.user == before {
            return false;
        }
        let ended = session.user.is_none();
        if ended {
            self.keep_typed();
        }
        self.put(session.user, ended);
        true
    }
}

/// One page has one context.
#[cfg(not(feature = "ssr"))]
mod of_page {
    use std::cell::Cell;

    use super::CurrentUser;

    thread_local! {
        static CURRENT: Cell<Option<CurrentUser>> = const { Cell::new(None) };
    }

    pub(super) fn set(current: CurrentUser) {
        CURRENT.set(Some(current));
    }

    pub(super) fn get() -> CurrentUser {
        CURRENT.get().unwrap_or_else(CurrentUser::provide)
    }
}

#[cfg(feature = "ssr")]
fn from_session() -> (SessionInfo, bool) {
    let session = crate::api::session::of_request();
    let ended = session.user.is_none() && crate::respond::had_session();
    (session, ended)
}

/// The page has told already.
#[cfg(not(feature = "ssr"))]
fn from_session() -> (SessionInfo, bool) {
    (SessionInfo::default(), false)
}

/// The way to the log-in page and back to `here`.
pub(crate) fn login_path(here: &str, ended: bool) -> String {
    query::path("/login", &[("return_to", here), ("ended", if ended { "1" } else { "" })])
}

#[cfg(test)]
mod tests {
    use super::{User, login_path};

    #[test]
    fn knows_the_way_back() {
        assert_eq!(login_path("/notes", false), "/login?return_to=%2Fnotes");
        assert_eq!(login_path("/notes?q=a", true), "/login?return_to=%2Fnotes%3Fq%3Da&ended=1");
    }

    #[test]
    fn calls_a_person_without_a_name_by_the_address() {
        let user: User = serde_json::from_str(r#"{"id":1,"email":"ada@example.com"}"#).unwrap();
        assert_eq!((user.id.as_str(), user.display_name().as_str()), ("1", "ada@example.com"));
    }
}
