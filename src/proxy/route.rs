//! One upstream with everything that is worked out at the start rather than per call.

use std::{net::IpAddr, sync::Arc, time::Duration};

use http::{HeaderValue, uri};
use url::{Host, Position, Url};

use super::{
    token_filter::{Rules, TokenFilter},
    token_paths::TokenPaths,
    upstream_location::UpstreamLocation,
};
use crate::{
    config::{
        ConfigError, ProxyConfig,
        proxy::{CachePolicy, Protocol, RouteConfig, Seconds},
    },
    contract::TokenPath,
};

/// One upstream and how it is spoken to.
#[derive(Debug)]
pub(super) struct Route {
    /// The prefix below the proxy's own; empty for the default upstream.
    pub(super) prefix: String,
    /// The path of the upstream's URL, without a trailing slash.
    pub(super) base: String,
    /// The upstream's scheme.
    pub(super) scheme: uri::Scheme,
    /// The upstream's authority, for `:authority`.
    pub(super) authority: uri::Authority,
    /// The upstream's authority, for `Host`.
    pub(super) host: HeaderValue,
    /// The host to connect to: a name or an address.
    pub(super) hostname: String,
    /// The port to connect to.
    pub(super) port: u16,
    pub(super) protocol: Protocol,
    pub(super) send_token: bool,
    /// How responses are searched for tokens.
    pub(super) rules: Rules,
    pub(super) cache_control: CachePolicy,
    /// The policy that replaces the upstream's; `None` keeps that.
    pub(super) csp: Option<HeaderValue>,
    pub(super) allow_set_cookie: Vec<String>,
    /// The name of the session's cookie.
    pub(super) own_cookie: String,
    /// In bytes.
    pub(super) max_request_body: u64,
    /// In bytes per second.
    pub(super) min_upload_rate: u64,
    pub(super) times: Times,
    pub(super) token_paths: TokenPaths,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) connect: Duration,
    pub(super) first_byte: Duration,
    pub(super) idle: Duration,
    /// `None` for no limit.
    pub(super) stream_idle: Option<Duration>,
}

impl Route {
    /// The upstream that gets what no route takes.
    pub(super) fn default_one(
        api: &Url,
        config: &ProxyConfig,
        paths: &[TokenPath],
        filter: &Arc<TokenFilter>,
    ) -> Result<Self, ConfigError> {
        let mut route = RouteConfig::new("", api.clone());
        route.send_token = true;
        route.client_certificate.clone_from(&config.client_certificate);
        let rules = rules(&route, config, filter);
        Self::new("api.url", &route, api, config, (paths, rules))
    }

    /// An upstream of its own for a prefix.
    pub(super) fn configured(
        route: &RouteConfig,
        api: &Url,
        config: &ProxyConfig,
        paths: &[TokenPath],
        filter: &Arc<TokenFilter>,
    ) -> Result<Self, ConfigError> {
        Self::new("proxy.routes", route, api, config, (paths, rules(route, config, filter)))
    }

    fn new(
        key: &'static str,
        route: &RouteConfig,
        api: &Url,
        config: &ProxyConfig,
        (paths, rules): (&[TokenPath], Rules),
    ) -> Result<Self, ConfigError> {
        let url = &route.upstream;
        let wrong = || ConfigError::new(key, "must be an http:// or https:// URL, like https://api.example");
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        let csp = route.response_csp.as_ref().unwrap_or(&config.response_csp);
        let paths = if may_be_one_server(url, api) { paths } else { &[] };
        Ok(Self {
            prefix: route.prefix.clone(),
            base: base_path(url).to_owned(),
            scheme: url.scheme().parse().map_err(|_| wrong())?,
            authority: authority.parse().map_err(|_| wrong())?,
            host: authority.parse().map_err(|_| wrong())?,
            hostname: url.host_str().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().ok_or_else(wrong)?,
            protocol: route.protocol.unwrap_or(config.protocol),
            send_token: route.send_token,
            rules,
            cache_control: route.cache_control.unwrap_or(config.cache_control),
            csp: (!csp.is_empty()).then(|| csp.parse()).transpose().map_err(|_| wrong())?,
            allow_set_cookie: route.allow_set_cookie.as_ref().unwrap_or(&config.allow_set_cookie).clone(),
            own_cookie: config.own_cookie.clone(),
            max_request_body: no_limit_at_zero(route.max_request_body.unwrap_or(config.max_request_body)),
            min_upload_rate: route.min_upload_rate.unwrap_or(config.min_upload_rate),
            times: Times::new(route, config),
            token_paths: TokenPaths::below(base_path(url), base_path(api), paths),
        })
    }

    pub(super) fn is_https(&self) -> bool {
        self.scheme == uri::Scheme::HTTPS
    }

    /// The location of this route, for references in responses.
    pub(super) fn place(&self) -> UpstreamLocation<'_> {
        UpstreamLocation {
            https: self.is_https(),
            host: &self.hostname,
            port: self.port,
            base: &self.base,
            prefix: &self.prefix,
        }
    }
}

impl Times {
    fn new(route: &RouteConfig, config: &ProxyConfig) -> Self {
        let time = |own: Option<Seconds>, general: Seconds| own.unwrap_or(general).duration();
        let stream_idle = route.stream_idle_timeout.unwrap_or(config.stream_idle_timeout);
        Self {
            connect: time(route.connect_timeout, config.connect_timeout),
            first_byte: time(route.first_byte_timeout, config.first_byte_timeout),
            idle: time(route.idle_timeout, config.idle_timeout),
            stream_idle: (!stream_idle.is_zero()).then(|| stream_idle.duration()),
        }
    }
}

/// Whether two URLs may lead to one server: by the same host and port, by both of its usual ports, or by several names
/// of this machine.
fn may_be_one_server(one: &Url, other: &Url) -> bool {
    let usual = |port| matches!(port, Some(80 | 443));
    let (port, other_port) = (one.port_or_known_default(), other.port_or_known_default());
    let same_port = port == other_port || (usual(port) && usual(other_port));
    let name = |url: &Url| url.host_str().map(|host| host.trim_end_matches('.').to_owned());
    same_port && (name(one) == name(other) || (is_this_machine(one) && is_this_machine(other)))
}

fn is_this_machine(url: &Url) -> bool {
    let is_own = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    match url.host() {
        Some(Host::Ipv4(address)) => is_own(address.into()),
        Some(Host::Ipv6(address)) => is_own(IpAddr::from(address).to_canonical()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

fn rules(route: &RouteConfig, config: &ProxyConfig, filter: &Arc<TokenFilter>) -> Rules {
    let searches = route.token_guard.unwrap_or(config.token_guard);
    let page_tokens = route.page_tokens.as_ref().unwrap_or(&config.page_tokens);
    Rules::new(Arc::clone(filter), searches, page_tokens, &route.prefix)
}

fn base_path(url: &Url) -> &str {
    url.path().trim_end_matches('/')
}

fn no_limit_at_zero(limit: u64) -> u64 {
    if limit == 0 { u64::MAX } else { limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_one_server_by_its_names() {
        let one = |one: &str, other: &str| may_be_one_server(&one.parse().unwrap(), &other.parse().unwrap());
        for (first, second) in [
            ("http://api.example", "http://API.example./v1"),
            ("http://api.example", "https://api.example"),
            ("http://localhost:4000", "http://127.0.0.1:4000"),
            ("http://127.0.0.1:4000", "http://[::1]:4000/files"),
            ("http://[::ffff:127.0.0.1]:4000", "http://0.0.0.0:4000"),
        ] {
            assert!(one(first, second), "{first} {second}");
        }
        for (first, second) in [
            ("http://api.example", "http://api.example:4000"),
            ("http://api.example", "http://files.example"),
            ("http://localhost:4000", "http://localhost:4001"),
        ] {
            assert!(!one(first, second), "{first} {second}");
        }
    }
}
