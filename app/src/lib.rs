//! The app that people see: pages, components, server functions and the user context.
//!
//! It is compiled twice: for the server (`ssr`), which renders the pages and runs the server
//! functions, and for the browser (`hydrate`), which takes over from there. To make it yours, start
//! in `page/`; `docs/make-it-yours.md` leads the way.

mod action;
#[cfg(not(feature = "ssr"))]
mod ahead;
mod api;
mod art;
#[cfg(not(feature = "ssr"))]
mod blend;
mod component;
#[cfg(feature = "ssr")]
mod csp;
#[cfg(feature = "ssr")]
mod hand_back;
mod handover;
mod hydration;
mod json;
mod page;
mod query;
mod respond;
mod return_to;
mod route;
mod service;
mod session_end;
#[cfg(not(feature = "ssr"))]
mod session_watch;
#[cfg(feature = "ssr")]
mod shell;
mod theme;
#[cfg(not(feature = "ssr"))]
mod typed;
mod user;
#[cfg(feature = "ssr")]
mod user_agent;

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

pub use self::hydration::finish_hydration;
#[cfg(not(feature = "ssr"))]
pub use self::route::load_page;
pub use self::service::Offers;
#[cfg(feature = "ssr")]
pub use self::{
    action::{
        attachment::{UPLOAD, uploads},
        register,
    },
    csp::{Csp, NoSource, Source},
    hand_back::hand_back,
    shell::{RefusalPage, refusal, shell},
    theme::Theme,
};
use self::{component::Layout, page::NotFound, service::Service, user::CurrentUser};

/// The whole app: the context that all pages share, and the pages.
///
/// Pages with an API's data are rendered whole before the answer leaves (`SsrMode::Async`), so that
/// status, redirects and cookies are right and the page works without JavaScript.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let user = CurrentUser::provide();
    Service::provide();
    #[cfg(not(feature = "ssr"))]
    session_watch::watch_session(user);
    #[cfg(feature = "ssr")]
    let _ = user;
    view! {
        <Router>
            <Layout>
                <FlatRoutes fallback=NotFound>
                    <Route path=path!("/") view=route::HOME ssr=SsrMode::Async/>
                    <Route path=path!("/login") view=route::LOG_IN ssr=SsrMode::Async/>
                    <Route path=path!("/signup") view=route::SIGN_UP ssr=SsrMode::Async/>
                    <Route path=path!("/notes") view=route::NOTES ssr=SsrMode::Async/>
                    <Route path=path!("/notes/:id") view=route::EDIT_NOTE ssr=SsrMode::Async/>
                    <Route path=path!("/account") view=route::ACCOUNT ssr=SsrMode::Async/>
                </FlatRoutes>
            </Layout>
        </Router>
    }
}
