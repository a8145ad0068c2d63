//! The router: files, pages, server functions, and the session endpoints.

use axum::{Router, middleware::from_fn_with_state, routing::get};
use leptos::config::LeptosOptions;
use vestibule::Vestibule;

use crate::{
    assets,
    body_limits::{self, BodyLimits},
    crawlers,
    dispatch::PageSettings,
    error_page, pages,
};

/// Builds the router for all requests that [`crate::dispatch`] does not forward.
///
/// Files and the routes for search engines have no session. The session layer, with its same-origin check, is around
/// pages, server functions and the session endpoints. Users see its errors as a page. Every request body is
/// read within the limits of [`body_limits`].
pub(crate) fn router(
    vestibule: &Vestibule,
    options: &LeptosOptions,
    settings: &PageSettings,
    limits: BodyLimits,
) -> Router {
    let guarded = vestibule.guard(pages::router(vestibule, options, settings).merge(vestibule.routes()));
    let public = assets::package(options).route("/healthz", get(async || "ok")).merge(crawlers::routes(vestibule));
    let all = public.merge(guarded).layer(from_fn_with_state(limits, body_limits::layer));
    error_page::wrap(all, options)
}
