//! The app's pages and server functions.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use leptos::{config::LeptosOptions, context::provide_context};
use leptos_axum::{LeptosRoutes, generate_route_list};
use vestibule::{Vestibule, problem::ProblemDetails};

use crate::{assets, front::Site};

/// The pages, the server functions, the files of `public/`, and the 404 page for all else.
pub(crate) fn router(vestibule: &Vestibule, options: &LeptosOptions, site: &Site) -> Router {
    app::register();
    let context = context(vestibule.clone(), site.clone());
    let shell = {
        let options = options.clone();
        move || app::shell(options.clone())
    };
    let fallback = Fallback { vestibule: vestibule.clone(), options: options.clone(), site: site.clone() };
    let missing = Router::new().fallback(any(not_found)).with_state(fallback);
    let pages = Router::new()
        .leptos_routes_with_context(options, generate_route_list(app::App), context, shell)
        .route("/api/{*path}", any(no_endpoint))
        .with_state(options.clone())
        .fallback_service(assets::public(options).call_fallback_on_method_not_allowed(true).fallback(missing));
    let pages = app::hand_back(pages);
    if site.offers.attachments { pages.merge(app::uploads(vestibule)) } else { pages }
}

#[derive(Clone)]
struct Fallback {
    vestibule: Vestibule,
    options: LeptosOptions,
    site: Site,
}

/// What pages and server functions find in their context; the session is in the request's parts.
fn context(vestibule: Vestibule, site: Site) -> impl Fn() + Clone + Send + Sync + 'static {
    move || {
        provide_context(vestibule.clone());
        provide_context(site.offers);
        provide_context(site.csp.clone());
    }
}

async fn no_endpoint() -> ProblemDetails {
    ProblemDetails::new(axum::http::StatusCode::NOT_FOUND, "There is nothing at this address.")
}

async fn not_found(State(fallback): State<Fallback>, request: Request<Body>) -> Response {
    let Fallback { vestibule, options, site } = fallback;
    // Whole, as the other pages: a stream would move its parts by scripts of its own.
    let render =
        leptos_axum::render_app_async_with_context(context(vestibule, site), move || app::shell(options.clone()));
    render(request).await.into_response()
}
