//! Pages for those who are logged in, and pages for those who are not.

use leptos::prelude::*;
#[cfg(not(feature = "ssr"))]
use leptos_router::{NavigateOptions, hooks::use_navigate};
use leptos_router::{hooks::use_location, location::Location};

use crate::{
    query::use_query,
    return_to,
    user::{CurrentUser, login_path},
};

/// Wraps a page that only a person who is logged in may see. Anybody else goes to the log-in page
/// and comes back. When the session ends, the page is gone at once; for another person it starts anew.
pub(crate) fn private<V: IntoView + 'static>(page: fn() -> V) -> impl Fn() -> AnyView + Clone + Send + 'static {
    move || {
        let user = CurrentUser::expect();
        let id = Memo::new(move |_| user.get().map(|user| user.id));
        let mut shown = false;
        (move || {
            if id.get().is_some() {
                shown = true;
                return page().into_any();
            }
            // A log-out on this page is on its way to another one already.
            if !shown || user.has_ended() {
                to_login(user);
            }
            ().into_any()
        })
        .into_any()
    }
}

/// Wraps a page for somebody who is about to log in. Who is logged in goes on to where they wanted.
pub(crate) fn visitor<V: IntoView + 'static>(page: fn() -> V) -> impl Fn() -> AnyView + Clone + Send + 'static {
    move || {
        let user = CurrentUser::expect();
        let (known, query) = (Memo::new(move |_| user.is_logged_in()), use_query());
        (move || {
            if known.get() {
                go(return_to::or_notes(&query.get_untracked().text("return_to")));
                ().into_any()
            } else {
                page().into_any()
            }
        })
        .into_any()
    }
}

fn to_login(user: CurrentUser) {
    go(&login_path(&path_of(&use_location()), user.take_ended()));
}

/// Path and query.
pub(super) fn path_of(location: &Location) -> String {
    let (path, search) = (location.pathname.get_untracked(), location.search.get_untracked());
    if search.is_empty() { path } else { format!("{path}?{search}") }
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
