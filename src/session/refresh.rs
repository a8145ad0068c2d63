//! Renews access tokens, once for any number of requests that need the same one.
//!
//! A page's requests arrive together, and with rotating refresh tokens a second call with the same
//! one is what an API takes for theft. So the first request to find a session due starts the call,
//! the others wait for its result, and for a grace time afterwards a request that still carries the
//! cookie from before gets that same result.
//!
//! Replicas with a common store do so together: who has the store's lock asks the API, the others
//! wait for what it stores. The lock ends by itself should its holder die, and a holder that was
//! slower than its lock is fenced by the record's generation.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::time::sleep;

use super::{
    manager::Sessions,
    record::{Record, SessionId},
    store::{Down, Replace, Store},
};
use crate::{clock::Clock, upstream::RefreshError};

/// How long the result of a refresh answers requests with the former cookie, in seconds.
pub(super) const GRACE: i64 = 60;
/// How often a replica looks whether another one has renewed a session.
const LOOK: Duration = Duration::from_millis(40);
/// How often new tokens are tried to be stored while the store is down.
const STORE_ATTEMPTS: u32 = 20;

type Outcome = Option<Result<Arc<Record>, Failed>>;

/// Why a session was not renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The API said no: the session is over.
    Refused,
    /// The API could not be asked: the session goes on with what it has.
    Unavailable,
}

/// Renews access tokens in a single flight per session and generation.
pub(crate) struct Refresher {
    clock: Clock,
    flights: Mutex<HashMap<Flight, Started>>,
}

/// A session with the generation whose refresh token is being spent.
type Flight = (SessionId, u32);

struct Started {
    at: i64,
    outcome: Shared<BoxFuture<'static, Outcome>>,
}

impl Refresher {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, flights: Mutex::default() }
    }

    /// The record with new tokens.
    pub(crate) async fn refresh(&self, record: &Arc<Record>, sessions: &Arc<Sessions>) -> Result<Arc<Record>, Failed> {
        let flight = (record.id, record.generation);
        let outcome = self.join(flight, record, sessions);
        let result = outcome.await.unwrap_or(Err(Failed::Unavailable));
        if result == Err(Failed::Unavailable) {
            // The next request asks anew.
            self.forget(flight);
        }
        result
    }

    /// The running or recent flight of this session, or a new one.
    fn join(
        &self,
        flight: Flight,
        record: &Arc<Record>,
        sessions: &Arc<Sessions>,
    ) -> Shared<BoxFuture<'static, Outcome>> {
        let now = self.clock.now();
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, started| now - started.at <= GRACE);
        let started = flights
            .entry(flight)
            .or_insert_with(|| Started { at: now, outcome: start(Arc::clone(record), Arc::clone(sessions)) });
        started.outcome.clone()
    }

    fn forget(&self, flight: Flight) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.remove(&flight);
    }
}

/// Starts the call in a task of its own: a client that goes away must not take the new tokens with
/// it.
fn start(record: Arc<Record>, sessions: Arc<Sessions>) -> Shared<BoxFuture<'static, Outcome>> {
    let task = tokio::spawn(async move {
        let result = match sessions.store() {
            Some(store) => together(&record, &sessions, store).await,
            None => ask(&record, &sessions).await,
        };
        if let Ok(renewed) = &result {
            sessions.learn(renewed);
            end_at_the_api_if_over(renewed, &sessions).await;
        }
        result
    });
    async move { task.await.ok() }.boxed().shared()
}

/// A person who logged out while the token was renewed wants the new one ended too.
async fn end_at_the_api_if_over(renewed: &Record, sessions: &Sessions) {
    if sessions.has_ended(renewed.id) {
        sessions.revoke_at_the_api(renewed).await;
    }
}

/// Asks the API for new tokens.
async fn ask(record: &Record, sessions: &Sessions) -> Result<Arc<Record>, Failed> {
    let Some(token) = &record.refresh_token else { return Err(Failed::Refused) };
    let clock = sessions.clock();
    match sessions.upstream().refresh(token, clock.now()).await {
        Ok(tokens) => {
            tracing::debug!(session = ?record.id, "refreshed");
            Ok(Arc::new(record.renewed(tokens, clock.now(), sessions.refresh_before())))
        }
        Err(RefreshError::Refused) => {
            tracing::info!(session = ?record.id, "the API refused to refresh: the session ends");
            Err(Failed::Refused)
        }
        Err(RefreshError::Unavailable) => Err(Failed::Unavailable),
    }
}

/// Renews together with other replicas.
async fn together(record: &Arc<Record>, sessions: &Arc<Sessions>, store: &Store) -> Result<Arc<Record>, Failed> {
    let (lock, holder) = (format!("lock:{}", record.id), sessions.new_holder());
    let ttl = sessions.lock_seconds();
    let looks = u128::try_from(ttl).unwrap_or(1) * 1_000 / LOOK.as_millis();
    for _ in 0..looks {
        if let Some(newer) = sessions.stored_newer(record).await.map_err(unavailable)? {
            return Ok(newer);
        }
        if store.lock(&lock, &holder, ttl).await.map_err(unavailable)? {
            let result = locked(record, sessions, store).await;
            // While new tokens are not stored, nobody else may spend the one that bought them: the lock
            // stays until it ends by itself, as it does should this fail.
            if !matches!(result, Ok(Renewed { stored: false, .. })) {
                let _ = store.unlock(&lock, &holder).await;
            }
            return result.map(|renewed| renewed.record);
        }
        sleep(LOOK).await;
    }
    Err(Failed::Unavailable)
}

/// A record with new tokens.
struct Renewed {
    record: Arc<Record>,
    /// Whether other replicas can find it.
    stored: bool,
}

/// Renews while no other replica does.
async fn locked(record: &Arc<Record>, sessions: &Arc<Sessions>, store: &Store) -> Result<Renewed, Failed> {
    let found = |record| Renewed { record, stored: true };
    // Who had the lock before has renewed it, perhaps.
    if let Some(newer) = sessions.stored_newer(record).await.map_err(unavailable)? {
        return Ok(found(newer));
    }
    let renewed = match ask(record, sessions).await {
        Ok(renewed) => renewed,
        // A replica that was slower than its lock has spent the token, perhaps.
        Err(Failed::Refused) => {
            let newer = sessions.stored_newer(record).await.map_err(unavailable)?;
            return newer.map(found).ok_or(Failed::Refused);
        }
        Err(failed) => return Err(failed),
    };
    match keep(&renewed, sessions, store).await {
        Ok(true) => return Ok(found(renewed)),
        Ok(false) => match sessions.stored_newer(record).await {
            Ok(Some(newer)) => return Ok(found(newer)),
            // Logged out meanwhile, at another replica.
            Ok(None) => {
                sessions.revoke_at_the_api(&renewed).await;
                return Err(Failed::Refused);
            }
            Err(Down) => keep_later(Arc::clone(&renewed), Arc::clone(sessions)),
        },
        // The tokens that were spent for these are worth nothing any more.
        Err(Down) => keep_later(Arc::clone(&renewed), Arc::clone(sessions)),
    }
    Ok(Renewed { record: renewed, stored: false })
}

async fn keep(renewed: &Record, sessions: &Sessions, store: &Store) -> Result<bool, Down> {
    let (name, ttl) = sessions.place(renewed);
    // With the cookie as the place of sessions, the store holds the results of refreshes alone.
    let rule = if sessions.is_server_side() { Replace::Older } else { Replace::OlderOrNone };
    store.save(&name, &sessions.seal(&name, renewed), rule, ttl).await
}

/// Goes on trying to store new tokens.
fn keep_later(renewed: Arc<Record>, sessions: Arc<Sessions>) {
    tokio::spawn(async move {
        let Some(store) = sessions.store() else { return };
        for attempt in 1..=STORE_ATTEMPTS {
            sleep(Duration::from_millis(100) * attempt).await;
            if keep(&renewed, &sessions, store).await.is_ok() {
                return;
            }
        }
        tracing::error!(session = ?renewed.id, "new tokens could not be stored: the session may end");
    });
}

fn unavailable(_: Down) -> Failed {
    Failed::Unavailable
}

impl fmt::Debug for Refresher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresher").finish_non_exhaustive()
    }
}
