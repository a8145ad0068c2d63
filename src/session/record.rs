//! The content of a session: tokens, user and times.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasherDefault, Hasher},
};

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use crate::{api_client::Tokens, random::Random, secret::Secret};

/// The id of a session for its whole life. A refresh keeps it, and a login always creates a new one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// Creates an id of 128 random bits.
    pub fn random(random: &Random) -> Self {
        Self(random.bytes())
    }

    /// Parses the 32 hexadecimal digits of the `Display` form.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u128::from_str_radix(text, 16).ok().map(|number| Self(number.to_be_bytes())))?
    }

    /// A number that selects a shard of a table.
    pub(crate) fn spread(self) -> usize {
        usize::from(self.0[15])
    }
}

/// A map keyed by session.
pub(crate) type BySession<T> = HashMap<SessionId, T, BuildHasherDefault<IdHasher>>;

/// Hashes a session id by taking part of it: ids are random, and only those of real sessions get into a table.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    /// The last write counts: the id, after its length.
    fn write(&mut self, bytes: &[u8]) {
        if let Some(part) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*part);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl From<[u8; 16]> for SessionId {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// The id is not a credential, so logs may contain it.
impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The content of a session, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The session's id.
    pub id: SessionId,
    /// The API's access token.
    pub access_token: Secret,
    /// When the access token expires, in seconds since the epoch by this server's clock; `None` if the API did not say.
    pub access_expires_at: Option<i64>,
    /// When the access token becomes due for a refresh, in seconds since the epoch.
    pub refresh_due_at: Option<i64>,
    /// The refresh token, if the API issues one.
    pub refresh_token: Option<Secret>,
    /// The user, as a JSON object.
    pub user: String,
    /// When the user logged in, in seconds since the epoch.
    pub created_at: i64,
    /// When the user was last active, in seconds since the epoch; updated at most once in `TOUCH_INTERVAL` (60) seconds.
    pub last_seen_at: i64,
    /// When the access token was issued to this server, in seconds since the epoch.
    pub issued_at: i64,
    /// How often the tokens were refreshed. Of two records of a session, the one with the greater number is newer.
    pub generation: u32,
    /// Whether the session persists when the browser closes.
    pub persistent: bool,
    /// The `User-Agent` of the browser at the login, if sessions can be listed; see [`MAX_USER_AGENT`].
    pub user_agent: Option<String>,
    /// How often the content was changed other than by a refresh. Of two records of one generation, the one with the
    /// greater number is newer.
    pub changes: u32,
}

/// The maximum length of a stored `User-Agent`, in bytes.
pub const MAX_USER_AGENT: usize = 256;

/// The options of a new session.
#[derive(Clone, Debug)]
pub(crate) struct SessionOptions {
    /// How many seconds before its expiry an access token is refreshed.
    pub(crate) refresh_before: i64,
    /// Whether the session persists when the browser closes.
    pub(crate) persistent: bool,
    /// The `User-Agent` of the browser, if it is to be stored.
    pub(crate) user_agent: Option<String>,
}

/// The printable characters of the beginning of a `User-Agent`.
pub(crate) fn printable_user_agent(user_agent: &HeaderValue) -> Option<String> {
    let letters = user_agent.as_bytes().iter().filter(|byte| matches!(byte, b' '..=b'~'));
    let text: String = letters.take(MAX_USER_AGENT).map(|&byte| char::from(byte)).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// When a token that expires at `end` becomes due for a refresh: `refresh_before` seconds ahead, or for a short-lived
/// token in the last quarter of its life.
fn refresh_due_at(end: i64, now: i64, refresh_before: i64) -> i64 {
    end - refresh_before.min((end - now).max(0) / 4)
}

/// How stale `last_seen_at` may become before a request rewrites the cookie, in seconds. With a short idle lifetime, it
/// is a quarter of that.
pub const TOUCH_INTERVAL: i64 = 60;

/// The remaining lifetime of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLeft {
    /// The seconds until the session ends without further activity.
    pub seconds: i64,
    /// Whether a request that counts as activity prolongs the session. If not, it ends with `absolute_lifetime`, or with
    /// a token that cannot be refreshed.
    pub can_be_prolonged: bool,
}

impl Record {
    /// Whether the access token has expired at `now`.
    pub fn access_expired(&self, now: i64) -> bool {
        self.access_expires_at.is_some_and(|end| end <= now)
    }

    /// Whether the access token is due for a refresh at `now`, and can be refreshed.
    pub fn refresh_due(&self, now: i64) -> bool {
        self.refresh_token.is_some() && self.refresh_due_at.is_some_and(|due| due <= now)
    }

    /// The record after a login.
    pub(crate) fn new(id: SessionId, tokens: Tokens, user: String, now: i64, options: SessionOptions) -> Self {
        Self {
            id,
            access_expires_at: tokens.expires_at,
            refresh_due_at: tokens.expires_at.map(|end| refresh_due_at(end, now, options.refresh_before)),
            access_token: tokens.access,
            refresh_token: tokens.refresh,
            user,
            created_at: now,
            last_seen_at: now,
            issued_at: now,
            generation: 0,
            persistent: options.persistent,
            user_agent: options.user_agent,
            changes: 0,
        }
    }

    /// The record after a refresh. It keeps the refresh token if the API does not rotate it.
    pub(crate) fn refreshed(&self, tokens: Tokens, now: i64, refresh_before: i64) -> Self {
        Self {
            access_expires_at: tokens.expires_at,
            refresh_due_at: tokens.expires_at.map(|end| refresh_due_at(end, now, refresh_before)),
            access_token: tokens.access,
            refresh_token: tokens.refresh.or_else(|| self.refresh_token.clone()),
            last_seen_at: now,
            issued_at: now,
            generation: self.generation.saturating_add(1),
            ..self.clone()
        }
    }

    /// The record after a refresh whose access token is unusable. It keeps the previous access token, which stays due,
    /// and takes the new refresh token, as the previous one is spent.
    pub(crate) fn with_refresh_token(&self, refresh_token: Secret, now: i64) -> Self {
        Self {
            refresh_token: Some(refresh_token),
            refresh_due_at: Some(now),
            last_seen_at: now,
            generation: self.generation.saturating_add(1),
            ..self.clone()
        }
    }

    /// Whether a refresh of `former` brought a usable access token, not only a refresh token.
    pub(crate) fn is_usable_after(&self, former: &Self) -> bool {
        self.issued_at != former.issued_at || self.access_token != former.access_token
    }

    /// The order of the records of one session: by refreshes, then by other changes.
    pub(crate) fn version(&self) -> (u32, u32) {
        (self.generation, self.changes)
    }

    /// This record with the user data of `other`, if that is newer.
    pub(crate) fn with_newer_user_of(self, other: &Self) -> Self {
        if other.changes > self.changes {
            Self { user: other.user.clone(), changes: other.changes, ..self }
        } else {
            self
        }
    }

    /// The tokens.
    pub(crate) fn tokens(&self) -> Vec<&Secret> {
        std::iter::once(&self.access_token).chain(&self.refresh_token).collect()
    }

    /// The user as JSON; `null` if the stored text is not JSON, which sealing rules out. It is for pages, so any token in
    /// the stored text is removed.
    pub fn user_json(&self) -> serde_json::Value {
        let mut user = serde_json::from_str(&self.user).unwrap_or(serde_json::Value::Null);
        crate::user::strip(&mut user, &self.tokens(), None);
        user
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record after a login at noon of 2026-01-01.
    pub(crate) fn record() -> Record {
        Record {
            id: SessionId::random(&Random::seeded(42)),
            access_token: Secret::new("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"),
            access_expires_at: Some(1_767_270_000),
            refresh_due_at: Some(1_767_269_940),
            refresh_token: Some(Secret::new("refresh-1")),
            user: r#"{"id":1,"email":"ada@example.com"}"#.into(),
            created_at: 1_767_268_800,
            last_seen_at: 1_767_268_800,
            issued_at: 1_767_268_800,
            generation: 0,
            persistent: true,
            user_agent: None,
            changes: 0,
        }
    }

    #[test]
    fn keeps_the_printable_beginning_of_a_user_agent() {
        let kept = |bytes: &[u8]| printable_user_agent(&HeaderValue::from_bytes(bytes).unwrap());
        assert_eq!(kept(b"Mozilla/5.0 (X11)").as_deref(), Some("Mozilla/5.0 (X11)"));
        assert_eq!(kept(b" a\tb\xc3\xbcc ").as_deref(), Some("abc"));
        assert_eq!(kept(&[b'x'; 5_000]).unwrap().len(), MAX_USER_AGENT);
        assert_eq!((kept(b""), kept(b" \t ")), (None, None));
    }

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = record().id;
        assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        for text in ["", "0", "+0000000000000000000000000000000", &"g".repeat(32), &"0".repeat(33)] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn is_due_ahead_of_the_end() {
        assert_eq!(refresh_due_at(1_900, 1_000, 60), 1_840);
        assert_eq!(refresh_due_at(1_040, 1_000, 60), 1_030);
        assert_eq!(refresh_due_at(1_002, 1_000, 60), 1_002);
        assert_eq!(refresh_due_at(900, 1_000, 60), 900);
    }

    #[test]
    fn debug_shows_no_token() {
        let text = format!("{:?}", record());
        assert!(!text.contains("eyJ") && !text.contains("refresh-1"), "{text}");
    }

    #[test]
    fn is_due_before_it_expires_and_only_with_a_refresh_token() {
        let record = record();
        assert!(!record.refresh_due(1_767_269_939));
        assert!(record.refresh_due(1_767_269_940));
        assert!(!record.access_expired(1_767_269_999));
        assert!(record.access_expired(1_767_270_000));
        assert!(!Record { refresh_token: None, ..record }.refresh_due(i64::MAX));
    }
}
