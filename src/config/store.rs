//! The session store.

use serde::{Deserialize, Serialize};

use super::{InvalidRedisUrl, RedisUrl};

/// Where sessions are stored: `cookie`, `memory`, or the URL of Redis or Valkey.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum StoreConfig {
    /// Sealed in the browser's cookie.
    #[default]
    Cookie,
    /// In this process, for tests and trials: all sessions end with the process.
    Memory,
    /// In Redis or Valkey, which all replicas share. The cookie holds an opaque token.
    Redis(RedisUrl),
}

/// The text is not a valid store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidStore {
    /// The text is neither a known store nor a URL.
    #[error(
        "is not a session store: write `cookie`, `memory`, or a URL like redis://host:6379, redis-sentinel://host:26379/service or redis-cluster://host:6379"
    )]
    Unknown,
    /// The URL is not valid.
    #[error(transparent)]
    Redis(#[from] InvalidRedisUrl),
}

impl TryFrom<String> for StoreConfig {
    type Error = InvalidStore;

    fn try_from(text: String) -> Result<Self, InvalidStore> {
        match text.trim() {
            "cookie" => Ok(Self::Cookie),
            "memory" => Ok(Self::Memory),
            url if url.contains("://") => Ok(Self::Redis(RedisUrl::try_from(text)?)),
            _ => Err(InvalidStore::Unknown),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_and_nothing_else() {
        let read = |text: &str| StoreConfig::try_from(text.to_owned());
        assert_eq!(read("cookie").unwrap(), StoreConfig::Cookie);
        assert_eq!(read("memory").unwrap(), StoreConfig::Memory);
        for url in [
            "redis://127.0.0.1:6379",
            "rediss://:secret@redis.internal/1",
            "redis-sentinel://one,two/main",
            "redis-cluster://one,two",
        ] {
            assert!(matches!(read(url).unwrap(), StoreConfig::Redis(_)), "{url}");
        }
        for text in ["", "file", "redis"] {
            assert_eq!(read(text), Err(InvalidStore::Unknown), "{text}");
        }
        assert!(matches!(read("http://127.0.0.1"), Err(InvalidStore::Redis(_))));
    }
}
