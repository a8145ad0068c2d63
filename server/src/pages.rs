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

use crate::{assets, dispatch::PageSettings};

/// The pages, the server functions, the files of `public/`, and the 404 page for everything else.
pub(crate) fn router(vestibule: &Vestibule, options: &LeptosOptions, settings: &PageSettings) -> Router {
    app::register();
    let context = context(vestibule.clone(), settings.clone());
    let shell = {
        let options = options.clone();
        move || app::shell(options.clone())
    };
    let fallback = Fallback { vestibule: vestibule.clone(), options: options.clone(), settings: settings.clone() };
    let missing = Router::new().fallback(any(not_found)).with_state(fallback);
    let pages = Router::new()
        .leptos_routes_with_context(options, generate_route_list(app::App), context, shell)
        .route("/api/{*path}", any(no_endpoint))
        .with_state(options.clone())
        .fallback_service(assets::public(options).call_fallback_on_method_not_allowed(true).fallback(missing));
    let pages = app::hand_back(pages);
    if settings.offers.attachments { pages.merge(app::uploads(vestibule)) } else { pages }
}

#[derive(Clone)]
struct Fallback {
    vestibule: Vestibule,
    options: LeptosOptions,
    settings: PageSettings,
}

/// The Leptos context of pages and server functions; the session is in the request's parts.
fn context(vestibule: Vestibule, settings: PageSettings) -> impl Fn() + Clone + Send + Sync + 'static {
    move || {
        provide_context(vestibule.clone());
        provide_context(settings.offers);
        provide_context(settings.csp.clone());
    }
}

async fn no_endpoint() -> ProblemDetails {
    ProblemDetails::new(axum::http::StatusCode::NOT_FOUND, "There is nothing at this address.")
}

async fn not_found(State(fallback): State<Fallback>, request: Request<Body>) -> Response {
    let Fallback { vestibule, options, settings } = fallback;
    // Rendered completely, like the other pages: a stream would move its parts with additional scripts.
    let render =
        leptos_axum::render_app_async_with_context(context(vestibule, settings), move || app::shell(options.clone()));
    render(request).await.into_response()
}
