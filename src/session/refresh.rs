//! Renews access tokens, once for any number of requests that need the same one.
//!
//! A page's requests arrive together, and with rotating refresh tokens a second call with the same
//! one is what an API takes for theft. So the first request to find a session due starts the call,
//! the others wait for its result, and for a grace time afterwards a request that still carries the
//! cookie from before gets that same result.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};

use super::record::{Record, SessionId};
use crate::{
    clock::Clock,
    config::SessionConfig,
    upstream::{RefreshError, Tokens, Upstream},
};

/// How long the result of a refresh answers requests with the former cookie, in seconds.
const GRACE: i64 = 60;

type Outcome = Option<Result<Arc<Record>, Failed>>;

/// Why a session was not renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The API said no: the session is over.
    Refused,
    /// The API could not be asked: the session goes on with what it has.
    Unavailable,
}

/// Renews access tokens in a single flight per refresh token.
pub(crate) struct Refresher {
    clock: Clock,
    refresh_before: i64,
    flights: Mutex<HashMap<Flight, Started>>,
}

/// A session together with a print of the refresh token that is being spent.
type Flight = (SessionId, u64);

struct Started {
    at: i64,
    outcome: Shared<BoxFuture<'static, Outcome>>,
}

impl Refresher {
    pub(crate) fn new(config: &SessionConfig, clock: Clock) -> Self {
        Self { clock, refresh_before: config.refresh_before, flights: Mutex::default() }
    }

    /// The record with new tokens.
    pub(crate) async fn refresh(&self, record: &Arc<Record>, upstream: &Upstream) -> Result<Arc<Record>, Failed> {
        let flight = (record.id, record.refresh_print());
        let outcome = self.join(flight, record, upstream);
        let result = outcome.await.unwrap_or(Err(Failed::Unavailable));
        if result == Err(Failed::Unavailable) {
            // The next request asks anew.
            self.forget(flight);
        }
        result
    }

    /// The running or recent flight of this session, or a new one.
    fn join(&self, flight: Flight, record: &Arc<Record>, upstream: &Upstream) -> Shared<BoxFuture<'static, Outcome>> {
        let now = self.clock.now();
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, started| now - started.at <= GRACE);
        let started = flights
            .entry(flight)
            .or_insert_with(|| Started { at: now, outcome: self.start(Arc::clone(record), upstream.clone()) });
        started.outcome.clone()
    }

    /// Starts the call in a task of its own: a client that goes away must not take the new tokens
    /// with it.
    fn start(&self, record: Arc<Record>, upstream: Upstream) -> Shared<BoxFuture<'static, Outcome>> {
        let (clock, refresh_before) = (self.clock.clone(), self.refresh_before);
        let task = tokio::spawn(async move {
            let Some(token) = &record.refresh_token else { return Err(Failed::Refused) };
            match upstream.refresh(token, clock.now()).await {
                Ok(tokens) => {
                    tracing::debug!(session = ?record.id, "refreshed");
                    Ok(Arc::new(record.renewed(tokens, clock.now(), refresh_before)))
                }
                Err(RefreshError::Refused) => {
                    tracing::info!(session = ?record.id, "the API refused to refresh: the session ends");
                    Err(Failed::Refused)
                }
                Err(RefreshError::Unavailable) => Err(Failed::Unavailable),
            }
        });
        async move { task.await.ok() }.boxed().shared()
    }

    fn forget(&self, flight: Flight) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.remove(&flight);
    }
}

impl fmt::Debug for Refresher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresher").finish_non_exhaustive()
    }
}

impl Record {
    /// The record after a log-in.
    pub(crate) fn begun(id: SessionId, tokens: Tokens, user: String, now: i64, refresh_before: i64) -> Self {
        Self {
            id,
            access_expires_at: tokens.expires_at,
            refresh_due_at: tokens.expires_at.map(|end| due(end, now, refresh_before)),
            access_token: tokens.access,
            refresh_token: tokens.refresh,
            user,
            created_at: now,
            last_seen_at: now,
        }
    }

    /// The record after a refresh: an API that does not rotate leaves the refresh token as it was.
    fn renewed(&self, tokens: Tokens, now: i64, refresh_before: i64) -> Self {
        Self {
            access_expires_at: tokens.expires_at,
            refresh_due_at: tokens.expires_at.map(|end| due(end, now, refresh_before)),
            access_token: tokens.access,
            refresh_token: tokens.refresh.or_else(|| self.refresh_token.clone()),
            ..self.clone()
        }
    }
}

/// From when on a token that ends at `end` is to be renewed: `refresh_before` seconds ahead, and for
/// a short-lived one in the last quarter of its life.
fn due(end: i64, now: i64, refresh_before: i64) -> i64 {
    end - refresh_before.min((end - now).max(0) / 4)
}

#[cfg(test)]
mod tests {
    use super::due;

    #[test]
    fn is_due_ahead_of_the_end() {
        assert_eq!(due(1_900, 1_000, 60), 1_840);
        assert_eq!(due(1_040, 1_000, 60), 1_030);
        assert_eq!(due(1_002, 1_000, 60), 1_002);
        assert_eq!(due(900, 1_000, 60), 900);
    }
}
