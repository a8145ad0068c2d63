//! The catch-all proxy: forwards calls to the API with the session's token.
//!
//! [`Proxy::resolve`] says what a request asks for, [`Proxy::forward`] does it. The rules, with
//! their RFC sections, stand in the modules that keep them: which paths go through in `target`,
//! which fields in `request` and `response`, what is sent twice in `dispatch`, what never leaves in
//! `token_filter`.

mod call_limit;
mod connect;
mod connection;
mod dispatch;
mod error;
mod fields;
mod forward;
mod forwarded;
mod frame;
mod hop_by_hop;
mod http1;
mod http2;
mod idle;
mod inspector;
mod pool;
mod pool_return;
mod request;
mod resolve;
mod response;
mod response_body;
mod response_head;
mod route;
mod target;
mod tls;
mod token_filter;
mod token_paths;
mod token_response;
mod trace;
mod tunnel;
mod unread;
mod upgrade;
mod upgrade_header;
mod upload;
mod upstream_body;
mod upstream_location;
mod upstream_request;

use std::{fmt, path::Path, sync::Arc};

use axum::body::Body;
use tokio::sync::watch;
use url::{Position, Url};

pub(crate) use call_limit::{CallLimitReached, CallLimiter, Caller};
pub use forwarded::TrustedProxies;
#[cfg(fuzzing)]
pub use http1::property::holds as http1_response;
pub use resolve::{Resolved, Target};
pub(crate) use token_filter::TokenFilter;
pub(crate) use token_response::TokenResponse;
pub use trace::X_REQUEST_ID;

use self::{forwarded::Forwarding, pool::Pool, route::Route, tls::Tls, unread::Unread};
use crate::{
    clock::Clock,
    config::{
        ConfigError, ProxyConfig,
        proxy::{RequiredHeader, RouteConfig},
    },
    contract::{Credential, TokenRules},
    session::SessionEndNotifier,
};

/// Forwards calls to the API with the session's token. Cheap to clone; clones share their
/// connections.
///
/// Connections belong to the runtime on which they were opened. A server with one runtime per core
/// gives each of them [`Proxy::with_own_pool`].
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

/// A proxy with its connections.
struct Inner {
    shared: Arc<Shared>,
    /// One for each route.
    pools: Vec<Pool>,
    unread: Unread,
}

/// The state that all cores share.
struct Shared {
    prefix: String,
    /// The default upstream last, the others by falling length of their prefix.
    routes: Vec<Route>,
    tls: Vec<Option<Tls>>,
    credential: Credential,
    forwarding: Forwarding,
    /// The public origin's authority.
    authority: String,
    limits: Arc<CallLimiter>,
    config: ProxyConfig,
    clock: Clock,
    ends: SessionEndNotifier,
    /// Whether the server stops. Each open WebSocket listens.
    stopping: watch::Sender<bool>,
}

impl Proxy {
    /// Builds a proxy to `api_url` for a server that users see at `public_url`.
    ///
    /// # Errors
    /// When a URL or the configuration is wrong, or a certificate cannot be read.
    pub fn new(
        api_url: &Url,
        config: &ProxyConfig,
        credential: Credential,
        tokens: &TokenRules,
        public_url: &Url,
        clock: Clock,
        ends: SessionEndNotifier,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        crate::config::proxy::upstream_url(api_url).map_err(|problem| ConfigError::new("api.url", problem))?;
        let (routes, tls) = routes(api_url, config, tokens)?;
        let trusted = TrustedProxies::new(&config.trusted_proxies, config.client_address_header);
        let (per_session, per_address) = (config.max_concurrent_per_session, config.max_concurrent_per_address);
        let shared = Shared {
            prefix: config.prefix.clone(),
            routes,
            tls,
            credential,
            forwarding: Forwarding::new(public_url, trusted),
            authority: public_url[Position::BeforeHost..Position::AfterPort].to_owned(),
            limits: Arc::new(CallLimiter::new(config.max_concurrent, per_session, per_address)),
            config: config.clone(),
            clock,
            ends,
            stopping: watch::Sender::new(false),
        };
        Ok(Self::of(Arc::new(shared)))
    }

    /// The same proxy with connections of its own, for another runtime. Limits stay shared.
    #[must_use]
    pub fn with_own_pool(&self) -> Self {
        Self::of(Arc::clone(&self.0.shared))
    }

    /// Closes all open WebSockets with code 1001, "going away" (RFC 6455 §7.4.1), and waits for their ends: for a
    /// server that stops. They may take 10 seconds.
    pub async fn stop(&self) {
        self.shared().stopping.send_replace(true);
        self.shared().stopping.closed().await;
    }

    fn of(shared: Arc<Shared>) -> Self {
        let pools = shared.routes.iter().map(|_| Pool::new(&shared.config)).collect();
        let unread = Unread::new(shared.config.idle_timeout.duration());
        Self(Arc::new(Inner { shared, pools, unread }))
    }

    /// The same body, which ends with an error once the client has taken nothing of it for `idle_timeout`.
    pub(crate) fn limit_unread(&self, body: Body) -> Body {
        self.0.unread.limit(body)
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }
}

impl Shared {
    fn required_header(&self) -> Option<&RequiredHeader> {
        self.config.required_header.as_ref()
    }
}

/// All upstreams, and TLS for those with https.
fn routes(api: &Url, config: &ProxyConfig, tokens: &TokenRules) -> Result<(Vec<Route>, Vec<Option<Tls>>), ConfigError> {
    let (paths, filter) = (&tokens.paths, Arc::new(TokenFilter::new(&tokens.places)));
    let mut configured: Vec<&RouteConfig> = config.routes.iter().collect();
    configured.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
    let mut routes = Vec::with_capacity(configured.len() + 1);
    let mut tls = Vec::with_capacity(configured.len() + 1);
    for it in configured {
        let route = Route::configured(it, api, config, paths, &filter)?;
        let ca_file = it.ca_file.as_deref().or(config.ca_file.as_deref());
        tls.push(tls_for(&route, ca_file, it.client_certificate.as_deref())?);
        routes.push(route);
    }
    let route = Route::default_one(api, config, paths, &filter)?;
    tls.push(tls_for(&route, config.ca_file.as_deref(), config.client_certificate.as_deref())?);
    routes.push(route);
    Ok((routes, tls))
}

fn tls_for(
    route: &Route,
    ca_file: Option<&Path>,
    client_certificate: Option<&Path>,
) -> Result<Option<Tls>, ConfigError> {
    route.is_https().then(|| Tls::new(&route.hostname, route.protocol, ca_file, client_certificate)).transpose()
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("prefix", &self.0.shared.prefix)
            .field("routes", &self.0.shared.routes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A proxy with the default settings in front of `api`.
    pub(super) fn proxy(api: &str) -> Proxy {
        let (api, public) = (api.parse().unwrap(), "https://app.example".parse().unwrap());
        let (config, rules, ends) = (ProxyConfig::default(), TokenRules::default(), SessionEndNotifier::default());
        Proxy::new(&api, &config, Credential::Bearer, &rules, &public, Clock::system(), ends).unwrap()
    }
}
