//! Takes over the tokens that an API rolls: it answers an ordinary call with the next access token, in a header or a
//! cookie, and the former one may be worth nothing from then on.
//!
//! Of answers that overtake each other the newest token counts: by its `iat` where both have one, else by its arrival.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, header};

use super::{
    Session,
    manager::Sessions,
    record::Record,
    store::{Replace, Store},
};
use crate::{
    secret::Secret,
    upstream::{RolledPlaces, Tokens, claims},
};

/// How long a rolled token is at hand for requests that bring the former one.
const LINGER: Duration = Duration::from_secs(10);
/// How long, and how often, a refused call looks for the token that another answer may bring.
const WAIT: (u32, Duration) = (50, Duration::from_millis(20));

/// A token that came with an answer, not looked at yet.
pub(crate) struct Rolled {
    sessions: Arc<Sessions>,
    /// The fields of the answer that hold tokens.
    headers: HeaderMap,
}

impl Session {
    /// Takes the session's next tokens out of an answer to one of its calls, where the contract says that they may be
    /// there.
    pub(crate) fn take_rolled(&self, headers: &mut HeaderMap) -> Option<Rolled> {
        let sessions = self.with_found(|found| {
            let places = found.sessions.upstream().rolled()?;
            places.are_in(headers).then(|| Arc::clone(&found.sessions))
        })?;
        let headers = sessions.upstream().rolled().map(|places| take(places, headers))?;
        Some(Rolled { sessions, headers })
    }

    /// Waits a moment for the answer that brings the token after `token`: an API that takes each token once refuses
    /// the calls that were made at the same time, and its refusals may come first.
    pub(crate) async fn await_rolled(&self, token: &Secret) {
        let rolls = self.with_found(|found| found.sessions.upstream().rolled().map(|_| Arc::clone(&found.live)));
        let Some(live) = rolls else { return };
        // This request has it twice now: more are other requests.
        for _ in 0..WAIT.0 {
            if Arc::strong_count(&live) <= 2 || live.latest().access_token != *token {
                return;
            }
            tokio::time::sleep(WAIT.1).await;
        }
    }
}

/// Takes out the fields that hold tokens.
fn take(places: &RolledPlaces, headers: &mut HeaderMap) -> HeaderMap {
    let mut taken = HeaderMap::new();
    for name in places.names() {
        for value in headers.get_all(name) {
            taken.append(name.clone(), value.clone());
        }
        // Other cookies are kept: whether they may pass is for the proxy to say.
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

impl Rolled {
    /// Checks the tokens as those of a refresh, and makes them the session's.
    pub(crate) async fn adopt(self, session: Session) {
        let Self { sessions, headers } = self;
        let now = sessions.clock().now();
        // A failure has been logged. The token that there is serves on.
        let Some(tokens) = sessions.upstream().rolled_tokens(headers, now).await else { return };
        let (Some(latest), Some(found)) = (session.latest(), session.how_found()) else { return };
        if !is_next(&latest.access_token, &tokens.access) {
            return;
        }
        let renewed = found.live.advance(|latest| next(latest, tokens, &sessions, now));
        // Its cookie may get lost with this response, as that of a refresh.
        sessions.note_renewed(&renewed);
        found.live.linger(LINGER);
        tracing::debug!(session = ?renewed.id, "the API rolled the token");
        if let Some(store) = sessions.store() {
            keep(&renewed, &sessions, store).await;
        }
        session.take_newer(renewed);
    }
}

/// Whether a token is to take the place of `current`.
fn is_next(current: &Secret, rolled: &Secret) -> bool {
    if current == rolled {
        return false;
    }
    let (current, rolled) = match (claims(current), claims(rolled)) {
        (Some(current), Some(rolled)) => (current, rolled),
        (Some(_), None) => {
            tracing::error!("the API rolled a token of another kind than the session's: it is dropped");
            return false;
        }
        (None, _) => return true,
    };
    let (whose, now_whose) = (current.get("sub"), rolled.get("sub"));
    if whose.is_some() && now_whose.is_some() && whose != now_whose {
        tracing::error!("the API rolled a token of somebody else: it is dropped");
        return false;
    }
    let issued = |claims: &serde_json::Value| claims.get("iat").and_then(serde_json::Value::as_f64);
    match (issued(&current), issued(&rolled)) {
        (Some(current), Some(rolled)) => rolled >= current,
        _ => true,
    }
}

/// The record with the next tokens. Where nothing says how long they last, it is as long as the former ones did.
fn next(latest: &Record, tokens: Tokens, sessions: &Sessions, now: i64) -> Record {
    let lifetime = latest.access_expires_at.map(|end| end - latest.issued_at);
    let expires_at = tokens.expires_at.or_else(|| lifetime.map(|lifetime| now.saturating_add(lifetime)));
    latest.renewed(Tokens { expires_at, ..tokens }, now, sessions.refresh_before())
}

/// Tells other replicas of the tokens.
async fn keep(renewed: &Record, sessions: &Sessions, store: &Store) {
    let (name, ttl) = sessions.place(renewed);
    let rule = if sessions.is_server_side() { Replace::Older } else { Replace::OlderOrNone };
    if store.save(&name, &sessions.seal(&name, renewed), rule, ttl).await.is_err() {
        tracing::error!(session = ?renewed.id, "a rolled token could not be stored: the session may end");
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
    fn the_newest_token_of_the_same_person_counts() {
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
