//! `[[proxy.routes]]`: a part of the proxy's paths that goes to another upstream.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{CachePolicy, Protocol, Seconds};

/// Sends the paths under one prefix to an upstream of its own. What is not set here is as in
/// `[proxy]`.
///
/// ```toml
/// [[proxy.routes]]
/// prefix = "/files"                          # /api/proxy/files/a.pdf …
/// upstream = "https://files.example/store"   # … is /store/a.pdf there
/// send_token = true
/// first_byte_timeout = 120
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// The prefix below the proxy's own, like `/files`. Whole path segments; the longest one wins.
    pub prefix: String,
    /// Where the paths under the prefix go: the prefix is cut off, the rest joined to this URL.
    pub upstream: Url,
    /// Whether calls carry the session's token. Off unless said: another upstream is another party.
    #[serde(default)]
    pub send_token: bool,
    /// As `proxy.connect_timeout`, in seconds.
    #[serde(default)]
    pub connect_timeout: Option<Seconds>,
    /// As `proxy.first_byte_timeout`, in seconds.
    #[serde(default)]
    pub first_byte_timeout: Option<Seconds>,
    /// As `proxy.idle_timeout`, in seconds.
    #[serde(default)]
    pub idle_timeout: Option<Seconds>,
    /// As `proxy.stream_idle_timeout`, in seconds.
    #[serde(default)]
    pub stream_idle_timeout: Option<Seconds>,
    /// As `proxy.max_request_body`, in bytes.
    #[serde(default)]
    pub max_request_body: Option<u64>,
    /// As `proxy.min_upload_rate`, in bytes per second.
    #[serde(default)]
    pub min_upload_rate: Option<u64>,
    /// As `proxy.token_guard`.
    #[serde(default)]
    pub token_guard: Option<bool>,
    /// As `proxy.page_tokens`.
    #[serde(default)]
    pub page_tokens: Option<Vec<String>>,
    /// As `proxy.cache_control`.
    #[serde(default)]
    pub cache_control: Option<CachePolicy>,
    /// As `proxy.response_csp`.
    #[serde(default)]
    pub response_csp: Option<String>,
    /// As `proxy.allow_set_cookie`.
    #[serde(default)]
    pub allow_set_cookie: Option<Vec<String>>,
    /// As `proxy.protocol`.
    #[serde(default)]
    pub protocol: Option<Protocol>,
    /// As `proxy.ca_file`.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// As `proxy.client_certificate`. Not taken over from `[proxy]`: another upstream is another
    /// party.
    #[serde(default)]
    pub client_certificate: Option<PathBuf>,
}

impl RouteConfig {
    /// A route with nothing set but where it leads.
    pub fn new(prefix: impl Into<String>, upstream: Url) -> Self {
        Self {
            prefix: prefix.into(),
            upstream,
            send_token: false,
            connect_timeout: None,
            first_byte_timeout: None,
            idle_timeout: None,
            stream_idle_timeout: None,
            max_request_body: None,
            min_upload_rate: None,
            token_guard: None,
            page_tokens: None,
            cache_control: None,
            response_csp: None,
            allow_set_cookie: None,
            protocol: None,
            ca_file: None,
            client_certificate: None,
        }
    }
}
