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

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::time::sleep;

use super::{
    flight::{Newest, Outcome, Waiting},
    manager::Sessions,
    record::Record,
    store::{Down, Replace, Store},
};
use crate::upstream::{RefreshError, Refreshed};

/// How long the result of a refresh answers requests with the former cookie once the new one was seen, in seconds.
pub(super) const GRACE: i64 = 60;
/// How often a replica looks whether another one has renewed a session.
const LOOK: Duration = Duration::from_millis(40);
/// How often new tokens are tried to be stored while the store is down.
const STORE_ATTEMPTS: u32 = 20;

/// Why a session was not renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The API said no: the session is over.
    Refused,
    /// The API could not be asked: the session goes on with what it has.
    Unavailable,
}

impl Sessions {
    /// Renews the tokens, together with all other requests that want to.
    pub(super) async fn refresh(self: &Arc<Self>, record: &Arc<Record>) -> Outcome {
        let newest = || {
            let known = self.core.live.find(record.id).map(|live| live.latest());
            match known.filter(|known| known.generation > record.generation) {
                Some(known) if known.refresh_due(self.clock().now()) => Newest::Due(known),
                Some(known) => Newest::Renewed(known),
                None => Newest::Due(Arc::clone(record)),
            }
        };
        self.core.flights.join(newest, |record| start(record, Arc::clone(self))).await
    }
}

/// Starts the call in a task of its own: a client that goes away must not take the new tokens with
/// it.
fn start(record: Arc<Record>, sessions: Arc<Sessions>) -> Waiting {
    let background = sessions.background().clone();
    let task = background.spawn(async move {
        let landing = Landing { record: Arc::clone(&record), outcome: Err(Failed::Unavailable), sessions };
        let outcome = renew(&record, &landing.sessions).await;
        landing.after(outcome).await
    });
    async move { task.await.unwrap_or(Err(Failed::Unavailable)) }.boxed().shared()
}

async fn renew(record: &Arc<Record>, sessions: &Arc<Sessions>) -> Outcome {
    match sessions.store() {
        Some(store) => together(record, sessions, store).await,
        None => ask(record, sessions).await,
    }
}

/// Ends a flight, also one that is dropped with its runtime.
struct Landing {
    record: Arc<Record>,
    outcome: Outcome,
    sessions: Arc<Sessions>,
}

impl Landing {
    async fn after(mut self, outcome: Outcome) -> Outcome {
        if let Ok(renewed) = &outcome {
            self.sessions.note_renewed(renewed);
            if !renewed.is_usable_after(&self.record) {
                // Another attempt spends another refresh token.
                self.sessions.core.flights.put_off((renewed.id, renewed.generation));
            }
            end_at_the_api_if_over(renewed, &self.sessions).await;
        }
        self.outcome = outcome;
        self.outcome.clone()
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let flight = (self.record.id, self.record.generation);
        self.sessions.core.flights.land(flight, self.outcome.is_err());
    }
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
    let refreshed = sessions.upstream().refresh(token, clock.now()).await;
    // What the session knows of the person may have changed during the call.
    let record = sessions.newest_content(record);
    match refreshed {
        Ok(Refreshed::Tokens(tokens)) => {
            tracing::debug!(session = ?record.id, "refreshed");
            Ok(Arc::new(record.renewed(tokens, clock.now(), sessions.refresh_before())))
        }
        Ok(Refreshed::OnlyRefresh(token)) => Ok(Arc::new(record.rotated(token, clock.now()))),
        Err(RefreshError::Refused) => {
            tracing::info!(session = ?record.id, "the API refused to refresh: the session ends");
            Err(Failed::Refused)
        }
        Err(RefreshError::Unavailable) => Err(Failed::Unavailable),
    }
}

/// Renews together with other replicas.
async fn together(record: &Arc<Record>, sessions: &Arc<Sessions>, store: &Store) -> Outcome {
    let (lock, holder) = (format!("lock:{}", record.id), sessions.new_holder());
    let ttl = sessions.lock_seconds();
    let looks = u128::try_from(ttl).unwrap_or(1) * 1_000 / LOOK.as_millis();
    for _ in 0..looks {
        if let Some(newer) = sessions.stored_newer(record).await.map_err(unavailable)? {
            return Ok(newer);
        }
        if store.lock(&lock, &holder, ttl).await.map_err(unavailable)? {
            let result = locked(record, sessions, store).await;
            // While new tokens are not stored, no other replica may spend the one that bought them: the lock
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
    let renewed = with_stored_content(renewed, sessions, store).await;
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

/// The record with what another replica has stored of the person meanwhile.
async fn with_stored_content(renewed: Arc<Record>, sessions: &Sessions, store: &Store) -> Arc<Record> {
    if !sessions.is_server_side() {
        return renewed;
    }
    match sessions.load_record(store, renewed.id).await {
        Ok(Some(stored)) if stored.changes > renewed.changes => Arc::new((*renewed).clone().with_content_of(&stored)),
        _ => renewed,
    }
}

async fn keep(renewed: &Record, sessions: &Sessions, store: &Store) -> Result<bool, Down> {
    let (name, ttl) = sessions.place(renewed);
    // With the cookie as the place of sessions, the store holds the results of refreshes alone.
    let rule = if sessions.is_server_side() { Replace::Older } else { Replace::OlderOrNone };
    store.save(&name, &sessions.seal(&name, renewed), rule, ttl).await
}

/// Goes on trying to store new tokens.
fn keep_later(renewed: Arc<Record>, sessions: Arc<Sessions>) {
    let background = sessions.background().clone();
    background.spawn(async move {
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
