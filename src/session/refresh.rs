//! Refreshes access tokens, once for all requests that need the same one.
//!
//! A page's requests arrive together. With rotating refresh tokens, an API takes a second call with the same token for
//! theft. So the first request of a session that is due starts the call, and the others wait for its result. For a
//! grace time afterwards, a request that still carries the previous cookie gets the same result.
//!
//! Replicas with a shared store coordinate: the holder of the store's lock calls the API, and the others wait for the
//! record that it stores. The lock expires if its holder dies. A holder that was slower than its lock is fenced by the
//! record's generation.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::time::sleep;

use super::{
    manager::SessionManager,
    record::Record,
    single_flight::{NewestRecord, RefreshResult, SessionRefreshError, SharedRefresh},
    store::{Replace, Store, StoreUnavailable},
};
use crate::api_client::{RefreshError, Refreshed};

/// How often a replica polls the store for the refresh of another replica.
const POLL_INTERVAL: Duration = Duration::from_millis(40);
/// How often storing new tokens is attempted while the store is unavailable.
const STORE_ATTEMPTS: u32 = 20;

impl SessionManager {
    /// Refreshes the tokens, shared with all other requests that need it.
    pub(super) async fn refresh(self: &Arc<Self>, record: &Arc<Record>) -> RefreshResult {
        let newest = || {
            let known = self.shared.in_flight.find(record.id).map(|in_flight| in_flight.latest());
            match known.filter(|known| known.generation > record.generation) {
                Some(known) if known.refresh_due(self.clock().now()) => NewestRecord::Due(known),
                Some(known) => NewestRecord::Refreshed(known),
                None => NewestRecord::Due(Arc::clone(record)),
            }
        };
        self.shared.single_flight.join(newest, |record| spawn_refresh(record, Arc::clone(self))).await
    }
}

/// Starts the call in its own task, so that the new tokens are not lost when the client disconnects.
fn spawn_refresh(record: Arc<Record>, sessions: Arc<SessionManager>) -> SharedRefresh {
    let background = sessions.background().clone();
    let task = background.spawn(async move {
        let guard =
            FlightGuard { record: Arc::clone(&record), outcome: Err(SessionRefreshError::Unavailable), sessions };
        let outcome = refresh_record(&record, &guard.sessions).await;
        guard.finish(outcome).await
    });
    async move { task.await.unwrap_or(Err(SessionRefreshError::Unavailable)) }.boxed().shared()
}

async fn refresh_record(record: &Arc<Record>, sessions: &Arc<SessionManager>) -> RefreshResult {
    match sessions.store() {
        Some(store) => refresh_across_replicas(record, sessions, store).await,
        None => request_tokens(record, sessions).await,
    }
}

/// Finishes a flight, even if the runtime drops its task.
struct FlightGuard {
    record: Arc<Record>,
    outcome: RefreshResult,
    sessions: Arc<SessionManager>,
}

impl FlightGuard {
    async fn finish(mut self, outcome: RefreshResult) -> RefreshResult {
        if let Ok(refreshed) = &outcome {
            self.sessions.note_refreshed(refreshed);
            if !refreshed.is_usable_after(&self.record) {
                // Delay the next attempt, which would spend another refresh token.
                self.sessions.shared.single_flight.mark_failed((refreshed.id, refreshed.generation));
            }
            revoke_if_ended(refreshed, &self.sessions).await;
        }
        self.outcome = outcome;
        self.outcome.clone()
    }
}

impl Drop for FlightGuard {
    fn drop(&mut self) {
        let key = (self.record.id, self.record.generation);
        self.sessions.shared.single_flight.finish(key, self.outcome.is_err());
    }
}

/// Revokes the new tokens too if the user logged out during the refresh.
async fn revoke_if_ended(refreshed: &Record, sessions: &SessionManager) {
    if sessions.has_ended(refreshed.id) {
        sessions.revoke_tokens(refreshed).await;
    }
}

/// Requests new tokens from the API.
async fn request_tokens(record: &Record, sessions: &SessionManager) -> Result<Arc<Record>, SessionRefreshError> {
    let Some(token) = &record.refresh_token else { return Err(SessionRefreshError::Refused) };
    let clock = sessions.clock();
    let refreshed = sessions.upstream().refresh(token, clock.now()).await;
    // The user data may have changed during the call.
    let record = sessions.with_newest_user(record);
    match refreshed {
        Ok(Refreshed::Tokens(tokens)) => {
            tracing::debug!(session = ?record.id, "refreshed");
            Ok(Arc::new(record.refreshed(tokens, clock.now(), sessions.refresh_before())))
        }
        Ok(Refreshed::OnlyRefresh(token)) => Ok(Arc::new(record.with_refresh_token(token, clock.now()))),
        Err(RefreshError::Refused) => {
            tracing::info!(session = ?record.id, "the API refused to refresh: the session ends");
            Err(SessionRefreshError::Refused)
        }
        Err(RefreshError::Unavailable) => Err(SessionRefreshError::Unavailable),
    }
}

/// Refreshes in coordination with other replicas.
async fn refresh_across_replicas(record: &Arc<Record>, sessions: &Arc<SessionManager>, store: &Store) -> RefreshResult {
    let (lock, holder) = (format!("lock:{}", record.id), sessions.new_holder());
    let ttl = sessions.lock_seconds();
    let polls = u128::try_from(ttl).unwrap_or(1) * 1_000 / POLL_INTERVAL.as_millis();
    for _ in 0..polls {
        if let Some(newer) = sessions.load_newer(record).await.map_err(unavailable)? {
            return Ok(newer);
        }
        if store.lock(&lock, &holder, ttl).await.map_err(unavailable)? {
            let result = refresh_under_lock(record, sessions, store).await;
            // While new tokens are not stored, no other replica may spend the same refresh token: the lock stays until
            // it expires. It also expires if this unlock fails.
            if !matches!(result, Ok(RefreshedRecord { stored: false, .. })) {
                let _ = store.unlock(&lock, &holder).await;
            }
            return result.map(|refreshed| refreshed.record);
        }
        sleep(POLL_INTERVAL).await;
    }
    Err(SessionRefreshError::Unavailable)
}

/// A record after a refresh.
struct RefreshedRecord {
    record: Arc<Record>,
    /// Whether the store has it, for other replicas.
    stored: bool,
}

/// Refreshes while holding the lock.
async fn refresh_under_lock(
    record: &Arc<Record>,
    sessions: &Arc<SessionManager>,
    store: &Store,
) -> Result<RefreshedRecord, SessionRefreshError> {
    let found = |record| RefreshedRecord { record, stored: true };
    // The previous holder of the lock may have refreshed it.
    if let Some(newer) = sessions.load_newer(record).await.map_err(unavailable)? {
        return Ok(found(newer));
    }
    let refreshed = match request_tokens(record, sessions).await {
        Ok(refreshed) => refreshed,
        // A replica that was slower than its lock may have spent the token.
        Err(SessionRefreshError::Refused) => {
            let newer = sessions.load_newer(record).await.map_err(unavailable)?;
            return newer.map(found).ok_or(SessionRefreshError::Refused);
        }
        Err(failed) => return Err(failed),
    };
    let refreshed = with_stored_content(refreshed, sessions, store).await;
    match store_refreshed(&refreshed, sessions, store).await {
        Ok(true) => return Ok(found(refreshed)),
        Ok(false) => match sessions.load_newer(record).await {
            Ok(Some(newer)) => return Ok(found(newer)),
            // The user has logged out at another replica in the meantime.
            Ok(None) => {
                sessions.revoke_tokens(&refreshed).await;
                return Err(SessionRefreshError::Refused);
            }
            Err(StoreUnavailable) => retry_store(Arc::clone(&refreshed), Arc::clone(sessions)),
        },
        // The previous tokens are spent, so these must not be lost.
        Err(StoreUnavailable) => retry_store(Arc::clone(&refreshed), Arc::clone(sessions)),
    }
    Ok(RefreshedRecord { record: refreshed, stored: false })
}

/// The record with user data that another replica has stored in the meantime.
async fn with_stored_content(refreshed: Arc<Record>, sessions: &SessionManager, store: &Store) -> Arc<Record> {
    if !sessions.is_server_side() {
        return refreshed;
    }
    match sessions.load_record(store, refreshed.id).await {
        Ok(Some(stored)) if stored.changes > refreshed.changes => {
            Arc::new((*refreshed).clone().with_newer_user_of(&stored))
        }
        _ => refreshed,
    }
}

async fn store_refreshed(
    refreshed: &Record,
    sessions: &SessionManager,
    store: &Store,
) -> Result<bool, StoreUnavailable> {
    let (name, ttl) = sessions.key_and_ttl(refreshed);
    // With sessions in cookies, the store holds only the results of refreshes.
    let rule = if sessions.is_server_side() { Replace::Older } else { Replace::OlderOrNone };
    store.save(&name, &sessions.seal(&name, refreshed), rule, ttl).await
}

/// Retries storing new tokens in the background.
fn retry_store(refreshed: Arc<Record>, sessions: Arc<SessionManager>) {
    let background = sessions.background().clone();
    background.spawn(async move {
        let Some(store) = sessions.store() else { return };
        for attempt in 1..=STORE_ATTEMPTS {
            sleep(Duration::from_millis(100) * attempt).await;
            if store_refreshed(&refreshed, &sessions, store).await.is_ok() {
                return;
            }
        }
        tracing::error!(session = ?refreshed.id, "new tokens could not be stored: the session may end");
    });
}

fn unavailable(_: StoreUnavailable) -> SessionRefreshError {
    SessionRefreshError::Unavailable
}
