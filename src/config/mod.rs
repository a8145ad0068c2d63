//! The configuration of the library: plain structs that any loader can fill, with documented fields.

mod api;
mod login;
pub mod proxy;
mod redis_url;
mod session;
mod store;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

pub use api::ApiConfig;
pub use login::LoginConfig;
pub use proxy::ProxyConfig;
pub use redis_url::{InvalidRedisUrl, RedisUrl};
pub(crate) use redis_url::{Node, RedisCredentials, Servers};
pub(crate) use session::COOKIE_NAME;
pub use session::{MAX_COOKIE_NAME, SameSite, SessionConfig};
pub use store::{InvalidStore, StoreConfig};

/// The configuration of the library.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The origin that users see in the address bar, like `https://app.example`. It determines the cookie's name and
    /// attributes, and which requests are same-origin.
    pub public_url: Url,
    /// The API: its URL and contract.
    #[serde(default)]
    pub api: ApiConfig,
    /// The rate limits of logins and signups.
    #[serde(default)]
    pub login: LoginConfig,
    /// The lifetime, keys and store of sessions.
    #[serde(default)]
    pub session: SessionConfig,
    /// The proxy to the API.
    #[serde(default)]
    pub proxy: ProxyConfig,
}

/// A value in the configuration is wrong.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` {problem}")]
pub struct ConfigError {
    /// The full key, with its section.
    pub key: &'static str,
    /// The problem and how to fix it.
    pub problem: String,
}

impl ConfigError {
    /// Creates an error for a key.
    pub fn new(key: &'static str, problem: impl Into<String>) -> Self {
        Self { key, problem: problem.into() }
    }
}

impl Config {
    /// The defaults for a server at `public_url`.
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            api: ApiConfig::default(),
            login: LoginConfig::default(),
            session: SessionConfig::default(),
            proxy: ProxyConfig::default(),
        }
    }

    /// Validates all values, also in combination.
    ///
    /// # Errors
    /// The first invalid value, with its key and how to fix it.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_public_url(&self.public_url).map_err(|problem| ConfigError::new("public_url", problem))?;
        self.api.validate()?;
        self.session.validate()?;
        self.own_proxy().validate()
    }

    /// The proxy section, with the name of the session cookie.
    pub(crate) fn own_proxy(&self) -> ProxyConfig {
        ProxyConfig { own_cookie: self.session.cookie_name.clone(), ..self.proxy.clone() }
    }

    /// Whether clients reach this server over https.
    pub fn https(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

fn check_public_url(url: &Url) -> Result<(), &'static str> {
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => {
            return Err(
                "is plain http, which is only for loopback: without https, the cookie could be intercepted. Set it to the https:// URL that users open",
            );
        }
        _ => return Err("must be an https:// URL, like https://app.example"),
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("must be only an origin, like https://app.example, without a path");
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        // RFC 6761 §6.3: names under localhost are loopback.
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(public_url: &str) -> Option<String> {
        Config::new(public_url.parse().unwrap()).validate().err().map(|error| error.to_string())
    }

    #[test]
    fn takes_https_anywhere_and_http_on_loopback() {
        for url in [
            "https://app.example",
            "https://app.example:8443",
            "http://127.0.0.1:3000",
            "http://localhost:3000",
            "http://[::1]:3000",
            "http://app.localhost",
        ] {
            assert_eq!(problem(url), None, "{url}");
        }
    }

    #[test]
    fn refuses_urls_that_would_leak_the_cookie_or_are_not_an_origin() {
        for url in [
            "http://app.example",
            "http://10.0.0.1:3000",
            "ftp://app.example",
            "https://app.example/app",
            "https://app.example/?a",
        ] {
            assert!(problem(url).unwrap().contains("`public_url`"), "{url}");
        }
    }

    #[test]
    fn names_the_key_of_a_bad_value() {
        let mut config = Config::new("http://127.0.0.1:3000".parse().unwrap());
        config.api.url = Some("http://ada:secret@127.0.0.1/".parse().unwrap());
        assert!(config.validate().unwrap_err().to_string().contains("`api.url`"));
        config.api.url = None;
        config.session.keys = vec![Secret::new("short")];
        assert!(config.validate().unwrap_err().to_string().contains("`session.keys`"));
        config.session.keys.clear();
        config.session.idle_lifetime = 0;
        assert!(config.validate().unwrap_err().to_string().contains("`session.idle_lifetime`"));
    }

    use crate::secret::Secret;
}
