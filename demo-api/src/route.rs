//! Routes as data: the router and the description's test read the same list.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    http::{HeaderValue, header::CACHE_CONTROL},
    middleware,
    routing::{self, MethodRouter},
};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::{access_log, api::DemoApi, attachment, auth, event, note, openapi, problem, user};

/// The largest JSON body, in bytes.
const JSON_LIMIT: usize = 2 << 20;

/// One method at one path.
pub struct Route {
    /// `GET`, `POST`, …
    #[cfg_attr(not(test), expect(dead_code, reason = "the description is held against it"))]
    pub method: &'static str,
    /// With the parts in braces that differ.
    pub path: &'static str,
    handler: MethodRouter<DemoApi>,
}

impl Route {
    /// Answers GET, and HEAD.
    pub fn get<H: Handler<T, DemoApi>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "GET", path, handler: routing::get(handler) }
    }

    /// Answers POST.
    pub fn post<H: Handler<T, DemoApi>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "POST", path, handler: routing::post(handler) }
    }

    /// Answers PATCH.
    pub fn patch<H: Handler<T, DemoApi>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "PATCH", path, handler: routing::patch(handler) }
    }

    /// Answers DELETE.
    pub fn delete<H: Handler<T, DemoApi>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "DELETE", path, handler: routing::delete(handler) }
    }
}

/// All that the API answers.
pub fn all() -> Vec<Route> {
    [openapi::routes(), user::routes(), auth::routes(), note::routes(), attachment::routes(), event::routes()]
        .into_iter()
        .flatten()
        .collect()
}

/// The whole API as one service.
pub fn router(api: DemoApi) -> Router {
    all()
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, route.handler))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .layer(DefaultBodyLimit::max(JSON_LIMIT))
        // An answer is for one person, and may be kept only to be checked by its ETag.
        .layer(SetResponseHeaderLayer::if_not_present(
            CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ))
        .layer(middleware::from_fn(access_log::write))
        .with_state(api)
}
