//! What a session holds: the tokens, the person, the times.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde::{Deserialize, Serialize};

use crate::{random::Random, secret::Secret};

/// Names one session for its whole life: it survives a refresh, and a log-in always makes a new one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// Draws 128 random bits.
    pub fn random(random: &Random) -> Self {
        Self(random.bytes())
    }
}

/// The id is no credential (it opens nothing), so logs may name it.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The content of a session, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The session's name.
    pub id: SessionId,
    /// The credential that the API accepts.
    pub access_token: Secret,
    /// When the access token ends, in seconds since the epoch by this server's clock; `None` when
    /// the API did not say.
    pub access_expires_at: Option<i64>,
    /// From when on the access token is to be renewed, in seconds since the epoch.
    pub refresh_due_at: Option<i64>,
    /// What buys the next access token, where the API gives one.
    pub refresh_token: Option<Secret>,
    /// The person, as one JSON object.
    pub user: String,
    /// When the person logged in, in seconds since the epoch.
    pub created_at: i64,
    /// When the person last did something, in seconds since the epoch; written at most once in
    /// [`TOUCH_INTERVAL`] seconds.
    pub last_seen_at: i64,
}

/// How stale `last_seen_at` may become before a request writes the cookie anew, in seconds.
pub const TOUCH_INTERVAL: i64 = 60;

impl Record {
    /// Whether the access token has ended at `now`.
    pub fn access_expired(&self, now: i64) -> bool {
        self.access_expires_at.is_some_and(|end| end <= now)
    }

    /// Whether the access token is to be renewed at `now`, and can be.
    pub fn refresh_due(&self, now: i64) -> bool {
        self.refresh_token.is_some() && self.refresh_due_at.is_some_and(|due| due <= now)
    }

    /// A print that tells one refresh token of a session from the next. It never leaves the process.
    pub(crate) fn refresh_print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.refresh_token.as_ref().map(Secret::expose).hash(&mut hasher);
        hasher.finish()
    }

    /// The person as JSON; `null` when the stored text is not JSON, which sealing rules out.
    pub fn user_json(&self) -> serde_json::Value {
        serde_json::from_str(&self.user).unwrap_or(serde_json::Value::Null)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record as a log-in at noon of 2026-01-01 makes it.
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
        }
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
