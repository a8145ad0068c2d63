//! `[proxy]`: the proxy to the API.

mod check;
mod network;
mod route;
mod seconds;

use std::path::PathBuf;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

pub(crate) use check::upstream_url;
pub use network::{InvalidNetwork, Network};
pub use route::RouteConfig;
pub use seconds::{InvalidSeconds, Seconds};

/// The proxy to the API. All spans of time are in seconds, whole or decimal; all sizes in bytes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyConfig {
    /// The path under which the API is reached, from the root of this server. It is cut off: with
    /// `/api/proxy` a call of `/api/proxy/notes` asks the API for `/notes`.
    pub prefix: String,

    /// How long connecting to the API may take, its TLS handshake included, in seconds.
    pub connect_timeout: Seconds,
    /// How long the API may take to begin its response once it has the whole request, in seconds.
    pub first_byte_timeout: Seconds,
    /// How long a request or response may make no progress, in seconds.
    pub idle_timeout: Seconds,
    /// The same for event streams and WebSockets, which stand still by nature, in seconds; 0 for no
    /// limit.
    pub stream_idle_timeout: Seconds,

    /// The largest request body, in bytes; 0 for no limit. Bodies are streamed, never held.
    pub max_request_body: u64,
    /// The most header fields that a request may have.
    pub max_header_count: usize,
    /// The most bytes that a request's header fields may have, names and values together.
    pub max_header_bytes: usize,
    /// The most calls under way at once, event streams and WebSockets included; 0 for no limit.
    pub max_concurrent: usize,
    /// The most calls under way at once of one session; 0 for no limit.
    pub max_concurrent_per_session: usize,
    /// The most calls without a session under way at once from one address (one /64 network with IPv6);
    /// 0 for no limit.
    pub max_concurrent_per_address: usize,
    /// The least rate of an upload in bytes per second, over each `idle_timeout`; 0 for none. An upload that
    /// the client sends more slowly is given up.
    pub min_upload_rate: u64,

    /// How long an unused connection to the API is kept, in seconds. Less than the API's own limit
    /// (5 for Node.js); an API that names its limit in `Keep-Alive` is believed when it is shorter.
    pub pool_idle_timeout: Seconds,
    /// The most unused connections that are kept per upstream and core.
    pub pool_max_idle: usize,
    /// The most HTTP/2 connections per upstream and core. There is one more as soon as the streams of
    /// the others are in use.
    pub pool_max_http2: usize,
    /// The protocol to the API.
    pub protocol: Protocol,
    /// A PEM file with the certificates that may vouch for an https API, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// A PEM file with the certificate chain and the key that this server shows to an https API.
    pub client_certificate: Option<PathBuf>,

    /// Proxies in front of this server, whose word on the client's address is taken: networks or
    /// addresses.
    #[serde(deserialize_with = "check::list")]
    pub trusted_proxies: Vec<Network>,
    /// The one header in which they write the client's address. The other one is not read: a proxy that
    /// does not write it may pass on what a client made up.
    pub client_address_header: ClientAddressHeader,
    /// Cookies that the API may set at the browser, by name. They are not sent back to the API.
    #[serde(deserialize_with = "check::list")]
    pub allow_set_cookie: Vec<String>,
    /// Whether responses are searched for tokens, and withheld when one is found.
    pub token_guard: bool,
    /// Tokens that the API rightly gives to pages: `iss`, `aud` or `typ` of JWTs, or `any` for all JWTs, and JSON pointers
    /// to token places. The session's own tokens and others of their kind never pass.
    #[serde(deserialize_with = "check::list")]
    pub page_tokens: Vec<String>,
    /// The `Cache-Control` of a response to a call with the session's token.
    pub cache_control: CachePolicy,
    /// The `Content-Security-Policy` of every proxied response, so that a page or picture that a user
    /// uploaded to the API cannot run on this origin. Empty passes on the API's own.
    pub response_csp: String,
    /// A header, written `name: value`, without which a call with any method but GET, HEAD and
    /// OPTIONS is refused. Another site's page cannot send one without being asked by a preflight.
    pub required_header: Option<RequiredHeader>,

    /// Parts of the paths that go elsewhere.
    pub routes: Vec<RouteConfig>,

    /// The name of the session's cookie, which no API may set. It is `session.cookie_name`:
    /// [`Vestibule::new`](crate::Vestibule::new) fills it in.
    #[serde(skip)]
    pub own_cookie: String,
}

/// The protocol to an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// The upstream's preference over https (ALPN, RFC 7301), HTTP/1.1 over http.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, over http with prior knowledge (RFC 9113 §3.3).
    Http2,
}

/// The header in which trusted proxies write the client's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAddressHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The `Cache-Control` of a response to a call with the session's token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CachePolicy {
    /// `Cache-Control: private, no-store`, whatever the API said.
    #[default]
    NoStore,
    /// The API's own header.
    Upstream,
}

/// A header field with the one value that is taken, written `name: value`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequiredHeader {
    /// The field's name.
    pub name: HeaderName,
    /// The field's value.
    pub value: HeaderValue,
}

impl Default for ProxyConfig {
    fn default() -> Self {
        Self {
            prefix: "/api/proxy".into(),
            connect_timeout: Seconds::whole(5),
            first_byte_timeout: Seconds::whole(30),
            idle_timeout: Seconds::whole(60),
            stream_idle_timeout: Seconds::whole(3600),
            max_request_body: 4 << 30,
            max_header_count: 100,
            max_header_bytes: 64 << 10,
            max_concurrent: 16_384,
            max_concurrent_per_session: 2_048,
            max_concurrent_per_address: 256,
            min_upload_rate: 1 << 10,
            pool_idle_timeout: Seconds::whole(4),
            pool_max_idle: 1_024,
            pool_max_http2: 100,
            protocol: Protocol::Auto,
            ca_file: None,
            client_certificate: None,
            trusted_proxies: Vec::new(),
            client_address_header: ClientAddressHeader::XForwardedFor,
            allow_set_cookie: Vec::new(),
            token_guard: true,
            page_tokens: Vec::new(),
            cache_control: CachePolicy::NoStore,
            response_csp: "sandbox; default-src 'none'".into(),
            required_header: None,
            routes: Vec::new(),
            own_cookie: super::COOKIE_NAME.into(),
        }
    }
}
