//! Where sessions are kept.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// Where sessions are kept: `cookie`, `memory`, or a Redis or Valkey server's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum StoreConfig {
    /// Sealed in the browser's cookie.
    #[default]
    Cookie,
    /// In this process, for tests and trials: all sessions end with it.
    Memory,
    /// In a server that all replicas share. The cookie holds an opaque id.
    Redis(RedisUrl),
}

/// The URL of a Redis or Valkey server: `redis://`, with TLS `rediss://`, on a socket `redis+unix://`.
/// Prints without its password.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedisUrl(Url);

/// The text names no store.
#[derive(Debug, thiserror::Error)]
#[error("is no store: write `cookie`, `memory`, or a URL like redis://127.0.0.1:6379 or rediss://…")]
pub struct InvalidStore;

impl RedisUrl {
    /// The whole URL, its password included.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<String> for RedisUrl {
    type Error = InvalidStore;

    fn try_from(text: String) -> Result<Self, InvalidStore> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidStore)?;
        let known = matches!(url.scheme(), "redis" | "rediss" | "valkey" | "valkeys" | "redis+unix" | "valkey+unix");
        known.then_some(Self(url)).ok_or(InvalidStore)
    }
}

impl TryFrom<String> for StoreConfig {
    type Error = InvalidStore;

    fn try_from(text: String) -> Result<Self, InvalidStore> {
        match text.trim() {
            "cookie" => Ok(Self::Cookie),
            "memory" => Ok(Self::Memory),
            _ => RedisUrl::try_from(text).map(Self::Redis),
        }
    }
}

impl From<RedisUrl> for String {
    fn from(url: RedisUrl) -> Self {
        url.to_string()
    }
}

impl From<StoreConfig> for String {
    fn from(store: StoreConfig) -> Self {
        match store {
            StoreConfig::Cookie => "cookie".into(),
            StoreConfig::Memory => "memory".into(),
            StoreConfig::Redis(url) => url.into(),
        }
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        if url.password().is_some() && url.set_password(Some("redacted")).is_err() {
            return f.write_str("[redacted]");
        }
        // Socket URLs have theirs in the query.
        url.set_query(None);
        f.write_str(url.as_str())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_and_nothing_else() {
        let read = |text: &str| StoreConfig::try_from(text.to_owned());
        assert_eq!(read("cookie").unwrap(), StoreConfig::Cookie);
        assert_eq!(read("memory").unwrap(), StoreConfig::Memory);
        for url in ["redis://127.0.0.1:6379", "rediss://:secret@redis.internal/1", "valkey://cache"] {
            assert!(matches!(read(url).unwrap(), StoreConfig::Redis(_)), "{url}");
        }
        for text in ["", "file", "http://127.0.0.1", "redis"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn prints_no_password() {
        let url = RedisUrl::try_from("redis://ada:secret@cache/1".to_owned()).unwrap();
        let text = format!("{url} {url:?} {}", serde_json::to_string(&url).unwrap());
        assert!(!text.contains("secret") && text.contains("cache"), "{text}");
        assert!(url.expose().contains("secret"));
    }
}
