//! Dispatches each request to the proxy or to the router, and adds its id and the response's security headers.
//!
//! From the outside in: the id, so that every log line can name it; the security headers, so that error
//! responses have them too; then the same-origin check and the session, which the library puts around both the
//! proxy and the pages.
//!
//! Requests for the proxy bypass the router. A router allocates and copies for each layer and request, which costs
//! as much as forwarding a call.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use app::{Csp, Offers};
use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::ConnectInfo,
    http::{HeaderValue, Request},
    response::Response,
};
use futures_util::{FutureExt, future::Either};
use hyper::body::Incoming;
use leptos::config::LeptosOptions;
use tower::ServiceExt;
use vestibule::{Vestibule, same_origin::Refused};

use crate::{
    body_limits::BodyLimits,
    error_page, request_body, request_context, router,
    security_headers::{self, HstsSettings},
    settings::Settings,
};

/// The settings of the pages and their headers.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageSettings {
    pub(crate) offers: Offers,
    pub(crate) csp: Csp,
    pub(crate) hsts: HstsSettings,
}

/// Handles requests. Each thread has its own.
pub(crate) struct Dispatcher {
    vestibule: Vestibule,
    router: Router,
    body_limits: BodyLimits,
    options: LeptosOptions,
    /// The `Strict-Transport-Security` value; `None` on plain HTTP.
    hsts: Option<HeaderValue>,
}

impl Dispatcher {
    pub(crate) fn new(vestibule: Vestibule, options: &LeptosOptions, settings: &Settings) -> Self {
        let (pages, body_limits) = (settings.pages(), BodyLimits::new(&settings.server, &settings.proxy));
        let router = router::router(&vestibule, options, &pages, body_limits);
        let hsts = pages.hsts.value().filter(|_| vestibule.config().https());
        Self { vestibule, router, body_limits, options: options.clone(), hsts }
    }

    /// Handles a request from `client`.
    pub(crate) fn handle(&self, request: Request<Incoming>, client: SocketAddr) -> impl Future<Output = Response> {
        request_context::with_request_id(request, move |request| self.dispatch(request, client))
    }

    /// Finishes background work that outlives its request, for shutdown.
    pub(crate) async fn stop(&self) {
        self.vestibule.stop().await;
    }

    /// How long background work may take to finish at shutdown.
    pub(crate) fn grace_time(&self) -> Duration {
        self.vestibule.grace_time()
    }

    fn dispatch(&self, request: Request<Incoming>, client: SocketAddr) -> impl Future<Output = Response> {
        let version = request.version();
        let request = request.map(|body| request_body::from_incoming(body, version));
        let proxied = self.vestibule.is_proxied(request.uri().path());
        if proxied && (request.body().is_end_stream() || self.vestibule.is_forwarded(&request)) {
            // Boxed, as the future is large: it would be copied into each future around it, and the connection would
            // reserve its size between calls and while a response streams.
            let response = Box::pin(self.vestibule.forward(request, Some(client)));
            return Either::Left(response.map(|response| self.with_security_headers(self.with_error_page(response))));
        }
        // Boxed for the same reasons.
        let response = Box::pin(self.handle_here(request, client, proxied));
        Either::Right(response.map(|response| self.with_security_headers(response)))
    }

    /// Turns the proxy's same-origin error into a page, for users who followed a link.
    fn with_error_page(&self, mut response: Response) -> Response {
        match response.extensions_mut().remove::<Refused>() {
            Some(refused) => error_page::from_refused(&refused, &self.options),
            None => response,
        }
    }

    fn with_security_headers(&self, mut response: Response) -> Response {
        security_headers::add(response.headers_mut(), self.hsts.as_ref());
        response
    }

    /// Handles a request whose body this server reads itself.
    async fn handle_here(&self, request: Request<Body>, client: SocketAddr, proxied: bool) -> Response {
        if proxied {
            return self.body_limits.apply(request, |request| self.vestibule.forward(request, Some(client))).await;
        }
        self.route(request, client).await
    }

    async fn route(&self, mut request: Request<Body>, client: SocketAddr) -> Response {
        request.extensions_mut().insert(ConnectInfo(client));
        let response: Result<Response, Infallible> = self.router.clone().oneshot(request).await;
        response.unwrap_or_else(|never| match never {})
    }
}

#[cfg(test)]
mod tests {
    use vestibule::config::Config;

    use super::*;

    fn size<A, F>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    /// Each open connection reserves the size of this future.
    #[tokio::test]
    async fn the_future_of_a_request_is_small() {
        let mut config = Config::new("http://127.0.0.1:3000".parse().unwrap());
        config.api.url = Some("http://127.0.0.1:4000".parse().unwrap());
        let options = crate::assets::options().unwrap();
        let dispatcher = Dispatcher::new(Vestibule::new(config).unwrap(), &options, &Settings::default());
        let size = size(|request| dispatcher.handle(request, SocketAddr::from(([127, 0, 0, 1], 1))));
        assert!(size <= 256, "{size} bytes");
    }
}
