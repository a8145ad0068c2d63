//! `[session]`: how long a session lasts and what seals it.

use serde::{Deserialize, Serialize};

use super::{ConfigError, RedisUrl, StoreConfig};
use crate::{secret::Secret, session::Key};

/// How long a session lasts and what seals it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionConfig {
    /// The keys that seal sessions, each 32 bytes in base64. The first one seals, all open: put a new
    /// key in front to rotate. As a variable: separated by commas.
    #[serde(deserialize_with = "list", serialize_with = "count")]
    pub keys: Vec<Secret>,
    /// Where sessions are kept: `cookie`, sealed in the browser; where Redis or Valkey is (see
    /// [`RedisUrl`]), which all replicas share; `memory`, in this process, for tests.
    pub store: StoreConfig,
    /// With sessions in cookies: the Redis or Valkey in which replicas share which sessions have
    /// ended, and renew tokens together. Without it each replica knows of its own log-outs alone.
    pub revocation: Option<RedisUrl>,
    /// After how many seconds without a request a session ends.
    pub idle_lifetime: i64,
    /// After how many seconds a session ends in any case.
    pub absolute_lifetime: i64,
    /// Whether the session outlives the browser's closing, where the log-in does not say: the app's
    /// does, by "Keep me signed in".
    pub persistent: bool,
    /// `lax`, or `strict` to withhold the cookie when a link on another site leads here (the person
    /// then looks logged out until the next click).
    pub same_site: SameSite,
    /// What the session's cookie is called; on https `__Host-` comes before it. Cookies know no ports: two servers on
    /// one host name each need a name of their own. Letters, digits, `-` and `_`, at most [`MAX_COOKIE_NAME`].
    pub cookie_name: String,
    /// How many seconds before its end an access token is renewed. Tokens that live shorter than
    /// four times this are renewed in the last quarter of their life.
    pub refresh_before: i64,
    /// The most streams of `/api/session/events` that are open at once; 0 for no limit. Each open tab has one.
    pub max_event_streams: usize,
    /// The most of them of one session; 0 for no limit.
    pub max_event_streams_per_session: usize,
}

/// The usual name of the session's cookie.
pub(crate) const COOKIE_NAME: &str = "vestibule";
/// The longest name of the session's cookie, in bytes.
pub const MAX_COOKIE_NAME: usize = 32;

/// The cookie's `SameSite` attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    /// Sent when a link on another site leads here.
    #[default]
    Lax,
    /// Sent from this site's own pages alone.
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
    /// The keys, read.
    ///
    /// # Errors
    /// When one is not 32 bytes in base64.
    pub fn parsed_keys(&self) -> Result<Vec<Key>, ConfigError> {
        self.keys
            .iter()
            .map(|key| Key::parse(key.expose()))
            .collect::<Result<_, _>>()
            .map_err(|error| ConfigError::new("session.keys", error.to_string()))
    }

    /// A part of what a cookie's name may be (RFC 6265 §4.1.1): no dot, which numbers the chunks, and none of the
    /// prefixes that mean something to browsers.
    fn check_cookie_name(&self) -> Result<(), ConfigError> {
        let name = self.cookie_name.as_bytes();
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=MAX_COOKIE_NAME).contains(&name.len()) && name.iter().all(is_plain) && !name.starts_with(b"__") {
            return Ok(());
        }
        let problem = format!(
            "must be 1 to {MAX_COOKIE_NAME} letters, digits, `-` or `_`, and not begin with `__`: `__Host-` comes before it by itself"
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

/// A list, or one text with commas as a variable has it.
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

/// The resolved configuration is printed for people: keys as their number alone.
fn count<S: serde::Serializer>(keys: &[Secret], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(keys.iter().map(|_| "[redacted]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_has_a_plain_name() {
        let check = |name: &str| SessionConfig { cookie_name: name.into(), ..SessionConfig::default() }.validate();
        for name in ["vestibule", "app-2", "A_b", &"x".repeat(32)] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["", "__Host-app", "__app", "a.1", "a b", "a=b", "a;b", "\u{e9}", &"x".repeat(33)] {
            assert!(check(name).unwrap_err().to_string().contains("`session.cookie_name`"), "{name}");
        }
    }
}
