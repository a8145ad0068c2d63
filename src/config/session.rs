//! `[session]`: the lifetime, keys and store of sessions.

use serde::{Deserialize, Serialize};

use super::{ConfigError, RedisUrl, StoreConfig};
use crate::{key::Key, secret::Secret};

/// The lifetime, keys and store of sessions.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionConfig {
    /// The keys that seal sessions, each 32 bytes in base64. The first key seals, all keys open: to rotate,
    /// put a new key in front. In an environment variable: separated by commas.
    #[serde(deserialize_with = "list", serialize_with = "count")]
    pub keys: Vec<Secret>,
    /// Where sessions are stored: `cookie`, sealed in the browser; the URL of Redis or Valkey (see [`RedisUrl`]), which
    /// all replicas share; `memory`, in this process, for tests.
    pub store: StoreConfig,
    /// With sessions in cookies: the Redis or Valkey in which replicas share ended sessions and coordinate refreshes.
    /// Without it, each replica knows only its own logouts.
    pub revocation: Option<RedisUrl>,
    /// The seconds without a request after which a session ends.
    pub idle_lifetime: i64,
    /// The seconds after which a session ends in any case.
    pub absolute_lifetime: i64,
    /// Whether the session persists when the browser closes, if the login does not specify it. The app's login does, by
    /// "Keep me signed in".
    pub persistent: bool,
    /// `lax`, or `strict` to withhold the cookie when a user follows a link from another site (the user then appears
    /// logged out until the next click).
    pub same_site: SameSite,
    /// The name of the session cookie, prefixed with `__Host-` on https. Cookies do not distinguish ports: two servers on
    /// one host name need different names. Letters, digits, `-` and `_`, at most [`MAX_COOKIE_NAME`].
    pub cookie_name: String,
    /// How many seconds before its expiry an access token is refreshed. Tokens with a lifetime of less than four times
    /// this are refreshed in the last quarter of their life.
    pub refresh_before: i64,
    /// The maximum number of open streams of `/api/session/events`; 0 for no limit. Each open tab has one.
    pub max_event_streams: usize,
    /// The maximum number of these streams per session; 0 for no limit.
    pub max_event_streams_per_session: usize,
}

/// The default name of the session cookie.
pub(crate) const COOKIE_NAME: &str = "vestibule";
/// The maximum length of the session cookie's name, in bytes.
pub const MAX_COOKIE_NAME: usize = 32;

/// The cookie's `SameSite` attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    /// Sent when a user follows a link from another site.
    #[default]
    Lax,
    /// Sent only from this site's own pages.
    Strict,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            store: StoreConfig::default(),
            revocation: None,
            idle_lifetime: 24 * 60 * 60,
            absolute_lifetime: 30 * 24 * 60 * 60,
            persistent: true,
            same_site: SameSite::Lax,
            cookie_name: COOKIE_NAME.into(),
            refresh_before: 60,
            max_event_streams: 16_384,
            max_event_streams_per_session: 128,
        }
    }
}

impl SessionConfig {
    /// Parses the keys.
    ///
    /// # Errors
    /// If one is not 32 bytes in base64.
    pub fn parsed_keys(&self) -> Result<Vec<Key>, ConfigError> {
        self.keys
            .iter()
            .map(|key| Key::parse(key.expose()))
            .collect::<Result<_, _>>()
            .map_err(|error| ConfigError::new("session.keys", error.to_string()))
    }

    /// Checks the cookie's name. Allows a subset of RFC 6265 §4.1.1: no dot, which numbers the chunks, and no prefix that
    /// is special to browsers.
    fn check_cookie_name(&self) -> Result<(), ConfigError> {
        let name = self.cookie_name.as_bytes();
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=MAX_COOKIE_NAME).contains(&name.len()) && name.iter().all(is_plain) && !name.starts_with(b"__") {
            return Ok(());
        }
        let problem = format!(
            "must be 1 to {MAX_COOKIE_NAME} letters, digits, `-` or `_`, and not begin with `__`: `__Host-` is added automatically"
        );
        Err(ConfigError::new("session.cookie_name", problem))
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.parsed_keys()?;
        self.check_cookie_name()?;
        for (key, seconds) in
            [("session.idle_lifetime", self.idle_lifetime), ("session.absolute_lifetime", self.absolute_lifetime)]
        {
            if seconds <= 0 {
                return Err(ConfigError::new(key, "must be more than 0 seconds"));
            }
        }
        if self.refresh_before < 0 {
            return Err(ConfigError::new("session.refresh_before", "must not be negative"));
        }
        Ok(())
    }
}

/// Reads a list, or one comma-separated text from an environment variable.
fn list<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    let texts = match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(text) => text.split(',').map(|key| key.trim().to_owned()).collect(),
        OneOrMany::Many(texts) => texts,
    };
    Ok(texts.into_iter().filter(|text| !text.is_empty()).map(Secret::from).collect())
}

/// Redacts the keys in the printed configuration; only their number is visible.
fn count<S: serde::Serializer>(keys: &[Secret], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(keys.iter().map(|_| "[redacted]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_has_a_plain_name() {
        let check = |name: &str| SessionConfig { cookie_name: name.into(), ..SessionConfig::default() }.validate();
        for name in ["vestibule", "app-2", "A_b", &"x".repeat(32)] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["", "__Host-app", "__app", "a.1", "a b", "a=b", "a;b", "\u{e9}", &"x".repeat(33)] {
            assert!(check(name).unwrap_err().to_string().contains("`session.cookie_name`"), "{name}");
        }
    }
}
