//! Pages for those who are logged in, and pages for those who are not.

use leptos::prelude::*;
#[cfg(not(feature = "ssr"))]
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};

use super::part::Part;
use crate::{
    query::{here, use_query},
    return_to,
    user::{CurrentUser, login_path},
};

/// A page that only a person who is logged in may see. Anybody else goes to the log-in page and comes
/// back. When the session ends, the page is gone at once; for another person it starts anew.
pub(crate) fn private(page: fn() -> AnyView) -> AnyView {
    let user = CurrentUser::expect();
    let id = user.id();
    let mut shown = false;
    let view: Part = Box::new(move || {
        if id.get().is_some() {
            shown = true;
            return page();
        }
        // A log-out on this page is on its way to another one already.
        if !shown || user.has_ended() {
            to_login(user);
        }
        ().into_any()
    });
    view.into_any()
}

/// A page for somebody who is about to log in. Who is logged in goes on to where they wanted.
pub(crate) fn visitor(page: fn() -> AnyView) -> AnyView {
    let user = CurrentUser::expect();
    let (known, query) = (user.id(), use_query());
    let view: Part = Box::new(move || {
        if known.get().is_none() {
            return page();
        }
        go(return_to::or_notes(&query.get_untracked().text("return_to")));
        ().into_any()
    });
    view.into_any()
}

fn to_login(user: CurrentUser) {
    go(&login_path(&here(), user.take_ended()));
}

/// Goes to another page: by a redirect of the server, or in the browser in place of this page.
pub(crate) fn go(path: &str) {
    #[cfg(feature = "ssr")]
    crate::respond::redirect(path);
    #[cfg(not(feature = "ssr"))]
    {
        // The router writes a new page's history entry when the page is there. What leads away before
        // then makes the entry itself; else it takes this page's.
        let replace = use_location().pathname.get_untracked() == location().pathname().unwrap_or_default();
        use_navigate()(path, NavigateOptions { replace, ..NavigateOptions::default() });
    }
}
