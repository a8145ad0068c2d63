//! What each request meets first: it gets its id and its answer's security headers here, and goes on
//! to the proxy or to the router.
//!
//! From the outside in: the id, so that every log line can name it; the security headers, so that
//! refusals have them too; then the same-origin check and the session, which the library has around the
//! proxy and around the pages alike.
//!
//! The proxy's requests do not go through the router. A router allocates and copies for each of its layers and
//! each request, which costs as much as passing a call on.

use std::{convert::Infallible, net::SocketAddr};

use app::Offers;
use axum::{
    Router,
    body::{Body, HttpBody},
    extract::ConnectInfo,
    http::Request,
    response::Response,
};
use hyper::body::Incoming;
use leptos::config::LeptosOptions;
use tower::ServiceExt;
use vestibule::Vestibule;

use crate::{router, security, subject};

/// Answers requests. Each thread has its own.
pub(crate) struct Front {
    vestibule: Vestibule,
    router: Router,
    https: bool,
}

impl Front {
    pub(crate) fn new(vestibule: Vestibule, options: &LeptosOptions, offers: Offers) -> Self {
        let router = router::router(&vestibule, options, offers);
        let https = vestibule.config().https();
        Self { vestibule, router, https }
    }

    /// Answers a request from `client`.
    pub(crate) async fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> Response {
        subject::identify(request, |request| self.pass(request, client)).await
    }

    async fn pass(&self, request: Request<Incoming>, client: SocketAddr) -> Response {
        let request = request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
        if self.vestibule.is_proxied(request.uri().path()) {
            let mut response = self.vestibule.forward(request, Some(client)).await;
            security::add_to_data(response.headers_mut(), self.https);
            return response;
        }
        // Boxed, so that the proxy's calls do not carry the router's room around.
        let mut response = Box::pin(self.route(request, client)).await;
        security::add_to_page(response.headers_mut(), self.https);
        response
    }

    async fn route(&self, mut request: Request<Body>, client: SocketAddr) -> Response {
        request.extensions_mut().insert(ConnectInfo(client));
        let answered: Result<Response, Infallible> = self.router.clone().oneshot(request).await;
        answered.unwrap_or_else(|never| match never {})
    }
}
