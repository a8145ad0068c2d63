//! What is around every page: the header, the notices, the footer.

use std::time::Duration;

use leptos::{ev::SubmitEvent, prelude::*, server_fn::ServerFn};
use leptos_router::hooks::{use_location, use_navigate};

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::{Edits, Ending, Notice, NoticeBar, Removals, Submission, ThemeSwitch, effect, part};
use crate::{
    action::session::Logout,
    api::session,
    art,
    query::Query,
    service::Service,
    user::{CurrentUser, User},
};

/// The frame of all pages.
#[component]
pub(crate) fn Layout(children: Children) -> impl IntoView {
    let location = use_location();
    let notice = Notice::provide(&Query::parse(&location.search.get_untracked()));
    Removals::provide(notice);
    Edits::provide(notice);
    focus_new_page(location.pathname, CurrentUser::expect());
    #[cfg(not(feature = "ssr"))]
    {
        crate::ahead::ask_ahead(CurrentUser::expect(), Service::expect());
        crate::blend::blend_pages();
    }
    view! {
        <a class="skip-link" href="#main" rel="external">"Skip to content"</a>
        <Header path=location.pathname/>
        <main id="main" tabindex="-1">{children()}</main>
        <div class="notices">
            <NoticeBar notice/>
            <Ending/>
        </div>
        <footer class="site-footer">
            <p>"Vestibule keeps the key at the door. MIT or Apache-2.0."</p>
            <ThemeSwitch here=location.pathname.get_untracked()/>
        </footer>
    }
}

#[component]
fn Header(path: Memo<String>) -> impl IntoView {
    let (user, service) = (CurrentUser::expect(), Service::expect());
    let current = move |page: &'static str| move || (path.get() == page).then_some("page");
    view! {
        <header class="site-header">
            <a class="brand" href="/">
                <span class="brand-mark" aria-hidden="true" inner_html=art::MARK></span>
                "Vestibule"
            </a>
            <nav class="site-nav" aria-label="Main">
                <a href="/notes" aria-current=current("/notes")>"Notes"</a>
                {part(move || match user.get() {
                    Some(user) => view! { <LoggedIn user current=current("/account")/> }.into_any(),
                    None => {
                        view! {
                            <a href="/login" aria-current=current("/login")>"Log in"</a>
                            {service.has_sign_up.then(|| {
                                view! { <a class="button" href="/signup" aria-current=current("/signup")>"Sign up"</a> }
                            })}
                        }
                            .into_any()
                    }
                })}
            </nav>
        </header>
    }
}

#[component]
fn LoggedIn(user: User, current: impl Fn() -> Option<&'static str> + Send + 'static) -> impl IntoView {
    // The style sheet makes it a capital: the program would need a table of all capitals, of 12 KB.
    let initial = user.display_name().chars().next().map(String::from);
    view! {
        <a href="/account" aria-current=current>
            <span class="avatar" aria-hidden="true">{initial}</span>
            "Account"
        </a>
        <LogOut/>
    }
}

/// The button that logs out, from any page to the home page.
#[component]
pub(crate) fn LogOut() -> impl IntoView {
    let submit = log_out_by(Logout::PATH, Submission::new(None), "You are logged out.");
    view! {
        <form method="post" action=Logout::PATH on:submit=submit>
            <button class="button quiet" type="submit">"Log out"</button>
        </form>
    }
}

/// Sends a form to a server function that ends this session, and goes to the home page with a word
/// about it.
pub(super) fn log_out_by(path: &'static str, form: Submission, done: &'static str) -> impl Fn(SubmitEvent) {
    let (user, notice, removals) = (CurrentUser::expect(), Notice::expect(), Removals::expect());
    let navigate = use_navigate();
    move |event| {
        let navigate = navigate.clone();
        form.run(
            &event,
            move |fields| async move {
                // After the log-out nobody may delete it.
                removals.settle().await;
                session::post::<()>(path, fields).await.inspect_err(|_| user.come_back())
            },
            move |()| {
                // First away from the private page, which would ask for a log-in.
                navigate("/", leptos_router::NavigateOptions::default());
                user.log_out();
                notice.show(done);
            },
        );
    }
}

/// Moves the focus to the heading of a new page, as a browser would start anew there.
fn focus_new_page(shown: Memo<String>, user: CurrentUser) {
    let mut before = None;
    effect(move || {
        let path = shown.get();
        match before.replace(path.clone()) {
            None => {
                let _ = heading(ANY).map(|heading| mark(&heading));
            }
            Some(before) if before != path => request_animation_frame(move || focus_new_heading(shown, user, PATIENCE)),
            Some(_) => {}
        }
    });
}

const ANY: &str = "main h1";
/// The old page may still be there: its heading is marked, see [`mark`].
const NEW: &str = "main h1:not([tabindex])";

/// How often to look for a heading that comes with a page's data, every tenth of a second.
const PATIENCE: u8 = 50;

fn focus_new_heading(path: Memo<String>, user: CurrentUser, tries: u8) {
    if heading(NEW).is_some() {
        focus(NEW);
        user.give_typed_back(&path.get_untracked());
    } else if tries > 0 {
        set_timeout(move || focus_new_heading(path, user, tries - 1), Duration::from_millis(100));
    }
}

/// Moves the focus to the page's heading, so that a screen reader reads it.
pub(crate) fn focus_heading() {
    focus(ANY);
}

fn focus(which: &str) {
    if let Some(heading) = heading(which) {
        mark(&heading);
        let _ = heading.unchecked_into::<HtmlElement>().focus();
    }
}

fn heading(which: &str) -> Option<Element> {
    document().query_selector(which).ok().flatten()
}

/// Lets a heading take the focus, and tells it from the heading of a page to come.
fn mark(heading: &Element) {
    let _ = heading.set_attribute("tabindex", "-1");
}
