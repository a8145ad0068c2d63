//! What each request meets first: it gets its id and its answer's security headers here, and goes on
//! to the proxy or to the router.
//!
//! From the outside in: the id, so that every log line can name it; the security headers, so that
//! refusals have them too; then the same-origin check and the session, which the library has around the
//! proxy and around the pages alike.
//!
//! The proxy's requests do not go through the router. A router allocates and copies for each of its layers and
//! each request, which costs as much as passing a call on.

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
    intake, refusal, request_body, router,
    security::{self, HstsSettings},
    settings::Settings,
    subject,
};

/// What the settings say of pages and their headers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    pub(crate) offers: Offers,
    pub(crate) csp: Csp,
    pub(crate) hsts: HstsSettings,
}

/// Answers requests. Each thread has its own.
pub(crate) struct Front {
    vestibule: Vestibule,
    router: Router,
    intake: intake::Rules,
    options: LeptosOptions,
    /// On https.
    hsts: Option<HeaderValue>,
}

impl Front {
    pub(crate) fn new(vestibule: Vestibule, options: &LeptosOptions, settings: &Settings) -> Self {
        let (site, intake) = (settings.site(), intake::Rules::new(&settings.server, &settings.proxy));
        let router = router::router(&vestibule, options, &site, intake);
        let hsts = site.hsts.value().filter(|_| vestibule.config().https());
        Self { vestibule, router, intake, options: options.clone(), hsts }
    }

    /// Answers a request from `client`.
    pub(crate) fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> impl Future<Output = Response> {
        subject::identify(request, move |request| self.pass(request, client))
    }

    /// Ends what outlives its request, for a server that stops.
    pub(crate) async fn stop(&self) {
        self.vestibule.stop().await;
    }

    /// How long what was begun may take to end then.
    pub(crate) fn grace_time(&self) -> Duration {
        self.vestibule.grace_time()
    }

    fn pass(&self, request: Request<Incoming>, client: SocketAddr) -> impl Future<Output = Response> {
        let version = request.version();
        let request = request.map(|body| request_body::of(body, version));
        let proxied = self.vestibule.is_proxied(request.uri().path());
        if proxied && (request.body().is_end_stream() || self.vestibule.is_forwarded(&request)) {
            // Boxed, as it is large: it would be copied into each future around it, and the connection would keep
            // its room between calls and for as long as an answer streams.
            let answer = Box::pin(self.vestibule.forward(request, Some(client)));
            return Either::Left(answer.map(|response| self.secured(self.shown(response))));
        }
        // Boxed for the same reasons.
        let answer = Box::pin(self.read(request, client, proxied));
        Either::Right(answer.map(|response| self.secured(response)))
    }

    /// Shows a person who has followed a link a page, when the proxy refuses it.
    fn shown(&self, mut response: Response) -> Response {
        match response.extensions_mut().remove::<Refused>() {
            Some(refused) => refusal::shown(&refused, &self.options),
            None => response,
        }
    }

    fn secured(&self, mut response: Response) -> Response {
        security::add(response.headers_mut(), self.hsts.as_ref());
        response
    }

    /// Answers what is not passed on, and reads its body.
    async fn read(&self, request: Request<Body>, client: SocketAddr, proxied: bool) -> Response {
        if proxied {
            return self.intake.read(request, |request| self.vestibule.forward(request, Some(client))).await;
        }
        self.route(request, client).await
    }

    async fn route(&self, mut request: Request<Body>, client: SocketAddr) -> Response {
        request.extensions_mut().insert(ConnectInfo(client));
        let answered: Result<Response, Infallible> = self.router.clone().oneshot(request).await;
        answered.unwrap_or_else(|never| match never {})
    }
}

#[cfg(test)]
mod tests {
    use vestibule::config::Config;

    use super::*;

    fn size<A, F>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    /// Each open connection keeps room for it.
    #[tokio::test]
    async fn an_answer_takes_little_room() {
        let mut config = Config::new("http://127.0.0.1:3000".parse().unwrap());
        config.api.url = Some("http://127.0.0.1:4000".parse().unwrap());
        let options = crate::assets::options().unwrap();
        let front = Front::new(Vestibule::new(config).unwrap(), &options, &Settings::default());
        let size = size(|request| front.answer(request, SocketAddr::from(([127, 0, 0, 1], 1))));
        assert!(size <= 256, "{size} bytes");
    }
}
