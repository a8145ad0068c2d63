//! The one router, and the order of what lies around it.

use axum::{Router, routing::get};
use leptos::config::LeptosOptions;
use vestibule::Vestibule;

use crate::{assets, pages, security, telemetry};

/// Puts everything together.
///
/// From the outside in: the request id and its log span, so that all below can name it; the security
/// headers, so that refusals have them too; then files, which know no session; then the guard with
/// its same-origin check and session around pages, server functions, session endpoint and proxy.
pub(crate) fn router(vestibule: &Vestibule, options: &LeptosOptions) -> Router {
    let guarded = vestibule.guard(pages::router(vestibule, options).merge(vestibule.routes()));
    let router = assets::package(options).route("/healthz", get(async || "ok")).merge(guarded);
    telemetry::trace(security::headers(router, vestibule.config().https()))
}
