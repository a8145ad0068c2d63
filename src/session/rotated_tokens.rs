//! Adopts rotated tokens: some APIs put the next access token into the response to an ordinary call, in a header or a
//! cookie, and may invalidate the previous one.
//!
//! If responses overtake each other, the newest token counts: by its `iat` if both have one, else by its arrival.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, header};

use super::{
    Session,
    manager::SessionManager,
    record::Record,
    store::{Replace, Store},
};
use crate::{
    api_client::{RotatedTokenLocations, Tokens, claims},
    secret::Secret,
};

/// How long a rotated token stays available to requests that bring the previous one.
const LINGER: Duration = Duration::from_secs(10);
/// How often a refused call checks for the token that another response may bring, and the interval.
const POLLS: (u32, Duration) = (50, Duration::from_millis(20));

/// The rotated tokens of a response, not yet parsed.
pub(crate) struct RotatedTokens {
    sessions: Arc<SessionManager>,
    /// The headers of the response that hold tokens.
    headers: HeaderMap,
}

impl Session {
    /// Takes the session's next tokens out of the response to one of its calls, if the contract allows tokens there.
    pub(crate) fn take_rotated(&self, headers: &mut HeaderMap) -> Option<RotatedTokens> {
        let sessions = self.with_resolved(|resolved| {
            let places = resolved.sessions.upstream().rolled()?;
            places.are_in(headers).then(|| Arc::clone(&resolved.sessions))
        })?;
        let headers = sessions.upstream().rolled().map(|places| take(places, headers))?;
        Some(RotatedTokens { sessions, headers })
    }

    /// Waits a moment for the response that brings the successor of `token`: an API that accepts each token once refuses
    /// concurrent calls, and the refusals may arrive first.
    pub(crate) async fn await_rotated(&self, token: &Secret) {
        let rotates = self
            .with_resolved(|resolved| resolved.sessions.upstream().rolled().map(|_| Arc::clone(&resolved.in_flight)));
        let Some(in_flight) = rotates else { return };
        // This request holds two references. More references belong to other requests.
        for _ in 0..POLLS.0 {
            if Arc::strong_count(&in_flight) <= 2 || in_flight.latest().access_token != *token {
                return;
            }
            tokio::time::sleep(POLLS.1).await;
        }
    }
}

/// Takes out the headers that hold tokens.
fn take(places: &RotatedTokenLocations, headers: &mut HeaderMap) -> HeaderMap {
    let mut taken = HeaderMap::new();
    for name in places.names() {
        for value in headers.get_all(name) {
            taken.append(name.clone(), value.clone());
        }
        // Other cookies are kept: the proxy decides whether they may pass.
        if *name != header::SET_COOKIE {
            headers.remove(name);
        }
    }
    if let header::Entry::Occupied(cookies) = headers.entry(header::SET_COOKIE) {
        let (_, values) = cookies.remove_entry_mult();
        let others: Vec<_> = values.filter(|value| !places.is_cookie(value)).collect();
        for value in others {
            headers.append(header::SET_COOKIE, value);
        }
    }
    taken
}

impl RotatedTokens {
    /// Checks the tokens like those of a refresh, and makes them the session's tokens.
    pub(crate) async fn adopt(self, session: Session) {
        let Self { sessions, headers } = self;
        let now = sessions.clock().now();
        // The error has been logged. The session keeps its current token.
        let Some(tokens) = sessions.upstream().rolled_tokens(headers, now).await else { return };
        let (Some(latest), Some(resolved)) = (session.latest(), session.resolved()) else { return };
        if !is_next(&latest.access_token, &tokens.access) {
            return;
        }
        let refreshed = resolved.in_flight.advance(|latest| with_tokens(latest, tokens, &sessions, now));
        // The cookie may get lost with this response, like that of a refresh.
        sessions.note_refreshed(&refreshed);
        resolved.in_flight.linger(LINGER);
        tracing::debug!(session = ?refreshed.id, "the API rotated the token");
        if let Some(store) = sessions.store() {
            store_rotated(&refreshed, &sessions, store).await;
        }
        session.update(refreshed);
    }
}

/// Whether a rotated token replaces `current`.
fn is_next(current: &Secret, rotated: &Secret) -> bool {
    if current == rotated {
        return false;
    }
    let (current, rotated) = match (claims(current), claims(rotated)) {
        (Some(current), Some(rotated)) => (current, rotated),
        (Some(_), None) => {
            tracing::error!("the API rotated the session's token to one of another kind: the new token is ignored");
            return false;
        }
        (None, _) => return true,
    };
    let (subject, rotated_subject) = (current.get("sub"), rotated.get("sub"));
    if subject.is_some() && rotated_subject.is_some() && subject != rotated_subject {
        tracing::error!("the API rotated the session's token to one of another user: the new token is ignored");
        return false;
    }
    let issued = |claims: &serde_json::Value| claims.get("iat").and_then(serde_json::Value::as_f64);
    match (issued(&current), issued(&rotated)) {
        (Some(current), Some(rotated)) => rotated >= current,
        _ => true,
    }
}

/// The record with the next tokens. If their lifetime is unknown, they get the lifetime of the previous ones.
fn with_tokens(latest: &Record, tokens: Tokens, sessions: &SessionManager, now: i64) -> Record {
    let lifetime = latest.access_expires_at.map(|end| end - latest.issued_at);
    let expires_at = tokens.expires_at.or_else(|| lifetime.map(|lifetime| now.saturating_add(lifetime)));
    latest.refreshed(Tokens { expires_at, ..tokens }, now, sessions.refresh_before())
}

/// Stores the tokens for other replicas.
async fn store_rotated(refreshed: &Record, sessions: &SessionManager, store: &Store) {
    let (name, ttl) = sessions.key_and_ttl(refreshed);
    let rule = if sessions.is_server_side() { Replace::Older } else { Replace::OlderOrNone };
    if store.save(&name, &sessions.seal(&name, refreshed), rule, ttl).await.is_err() {
        tracing::error!(session = ?refreshed.id, "a rotated token could not be stored: the session may end");
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::*;

    fn jwt(claims: &Value) -> Secret {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        Secret::new(format!("{}.{}.c2ln", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims)))
    }

    #[test]
    fn the_newest_token_of_the_same_user_counts() {
        let current = jwt(&json!({"sub": "1", "iat": 100}));
        for (claims, expected) in [
            (json!({"sub": "1", "iat": 100, "jti": 2}), true),
            (json!({"sub": "1", "iat": 101}), true),
            (json!({"sub": "1", "iat": 99}), false),
            (json!({"sub": "2", "iat": 101}), false),
            (json!({"iat": 101}), true),
            (json!({"sub": "1"}), true),
        ] {
            assert_eq!(is_next(&current, &jwt(&claims)), expected, "{claims}");
        }
        assert!(!is_next(&current, &current));
        assert!(!is_next(&current, &Secret::new("opaque")));
        assert!(is_next(&Secret::new("opaque"), &Secret::new("another")));
    }
}
