//! The one router: files, pages, server functions, and the session's own endpoints.

use axum::{Router, middleware::from_fn_with_state, routing::get};
use leptos::config::LeptosOptions;
use vestibule::Vestibule;

use crate::{assets, crawlers, front::Site, intake, pages, refusal};

/// Puts everything together but what is around it, and the proxy: see [`crate::front`].
///
/// Files and what search engines ask for know no session; the guard with its same-origin check and
/// session is around pages, server functions and the session's endpoints. Where it refuses a person,
/// they see a page. No body is read but by the rules of [`intake`].
pub(crate) fn router(vestibule: &Vestibule, options: &LeptosOptions, site: &Site, intake: intake::Rules) -> Router {
    let guarded = vestibule.guard(pages::router(vestibule, options, site).merge(vestibule.routes()));
    let public = assets::package(options).route("/healthz", get(async || "ok")).merge(crawlers::routes(vestibule));
    let all = public.merge(guarded).layer(from_fn_with_state(intake, intake::layer));
    refusal::pages(all, options)
}
