//! Who is logged in: known to every page, from the first byte of HTML on.
//!
//! The server fills the context from the session and hands it to the browser inside the page, so
//! that nothing flashes and nothing is asked twice. It holds the person, never a token, and nothing
//! is kept in the browser's storage.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

#[cfg(not(feature = "ssr"))]
use crate::session_watch::tell_other_tabs;
use crate::{handover, query};

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
}

impl CurrentUser {
    /// Fills the context and provides it to all pages.
    pub(crate) fn provide() -> Self {
        let (user, ended) = handover::value(from_session);
        let current = Self { user: RwSignal::new(user), ended: RwSignal::new(ended) };
        provide_context(current);
        #[cfg(not(feature = "ssr"))]
        of_page::set(current);
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

    /// Whether somebody is logged in, followed.
    pub(crate) fn is_logged_in(self) -> bool {
        self.user.with(Option::is_some)
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
        self.ended.set(ended);
        self.user.set(user);
    }
}

/// The server has no tabs.
#[cfg(feature = "ssr")]
fn tell_other_tabs() {}

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
        if session.user == before || self.user.with_untracked(|user| *user != before) {
            return false;
        }
        let ended = session.user.is_none();
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
fn from_session() -> (Option<User>, bool) {
    let user = crate::respond::session().and_then(|session| session.user()).map(User::from_json);
    let ended = user.is_none() && crate::respond::had_session();
    (user, ended)
}

/// The page has told already.
#[cfg(not(feature = "ssr"))]
fn from_session() -> (Option<User>, bool) {
    (None, false)
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
