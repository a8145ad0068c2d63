//! The session manager: the session state that outlives a request.

use std::{sync::Arc, time::Duration};

use http::HeaderValue;

use super::{
    SessionEndNotifier,
    cookie::{CookiePolicy, TooLarge},
    decrypted_cookie_cache::DecryptedCookieCache,
    encrypted_cookie_cache::EncryptedCookieCache,
    in_flight::{InFlightSession, InFlightSessions},
    record::{Record, SessionId, SessionOptions, TOUCH_INTERVAL, TimeLeft, printable_user_agent},
    revoked_sessions::{RevokedSessions, TTL_WITH_STORE},
    sealer::Sealer,
    session_token::SessionToken,
    single_flight::SingleFlight,
    store::{Memory, Redis, Replace, Store, StoreUnavailable, StoredRecord},
    store_key::{ended_store_key, session_store_key, user_index_key},
    unconfirmed_refreshes::{GRACE, UnconfirmedRefreshes},
};
use crate::{
    api_client::{ApiClient, Tokens},
    background::Background,
    clock::Clock,
    config::{Config, ConfigError, RedisUrl, SameSite, SessionConfig, StoreConfig},
    key::Key,
    random::Random,
};

/// The session state that outlives a request, for one runtime.
pub(crate) struct SessionManager {
    pub(super) shared: Arc<SharedState>,
    store: Option<Store>,
    upstream: Arc<ApiClient>,
    /// The time to live of a refresh lock, in seconds.
    lock_seconds: i64,
}

/// By how much a refresh lock outlives the longest refresh, in seconds.
const LOCK_MARGIN: i64 = 5;

/// The state that the managers of all runtimes share.
pub(super) struct SharedState {
    pub(super) config: SessionConfig,
    pub(super) policy: CookiePolicy,
    pub(super) sealer: Sealer,
    pub(super) decrypted_cookies: DecryptedCookieCache,
    encrypted_cookies: EncryptedCookieCache,
    pub(super) revoked: RevokedSessions,
    pub(super) in_flight: InFlightSessions,
    pub(super) single_flight: SingleFlight,
    unconfirmed: UnconfirmedRefreshes,
    end_notifier: SessionEndNotifier,
    clock: Clock,
    random: Random,
}

impl SessionManager {
    /// # Errors
    /// When the store's URL cannot be used.
    pub(crate) fn new(
        config: &Config,
        keys: &[Key],
        clock: Clock,
        random: Random,
        upstream: Arc<ApiClient>,
    ) -> Result<Self, ConfigError> {
        let strict = config.session.same_site == SameSite::Strict;
        let shared = Arc::new(SharedState {
            config: config.session.clone(),
            policy: CookiePolicy::new(&config.session.cookie_name, config.https(), strict),
            sealer: Sealer::new(keys, random.clone()),
            single_flight: SingleFlight::new(clock.clone()),
            unconfirmed: UnconfirmedRefreshes::new(clock.clone()),
            decrypted_cookies: DecryptedCookieCache::new(),
            encrypted_cookies: EncryptedCookieCache::new(),
            revoked: RevokedSessions::default(),
            in_flight: InFlightSessions::new(),
            end_notifier: SessionEndNotifier::default(),
            clock,
            random,
        });
        let store = match (&config.session.store, &config.session.revocation) {
            (StoreConfig::Memory, _) => Some(Store::Memory(Arc::new(Memory::new(shared.clock.clone())))),
            (StoreConfig::Redis(url), _) => Some(redis("session.store", url, &shared)?),
            (StoreConfig::Cookie, Some(url)) => Some(redis("session.revocation", url, &shared)?),
            (StoreConfig::Cookie, None) => None,
        };
        let longest = upstream.longest_operation().as_secs() + 1;
        let lock_seconds = i64::try_from(longest).unwrap_or(i64::MAX - LOCK_MARGIN) + LOCK_MARGIN;
        Ok(Self { shared, store, upstream, lock_seconds })
    }

    /// The same manager with its own connections, for another runtime.
    pub(crate) fn with_own_connections(&self, upstream: Arc<ApiClient>) -> Self {
        let store = self.store.as_ref().map(Store::with_own_connection);
        Self { shared: Arc::clone(&self.shared), store, upstream, lock_seconds: self.lock_seconds }
    }

    pub(crate) fn end_notifier(&self) -> &SessionEndNotifier {
        &self.shared.end_notifier
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(super) fn upstream(&self) -> &ApiClient {
        &self.upstream
    }

    pub(super) fn lock_seconds(&self) -> i64 {
        self.lock_seconds
    }

    /// The tasks that continue after their request.
    pub(crate) fn background(&self) -> &Background {
        self.upstream.background()
    }

    /// How long background work may take to finish when the server stops: the longest refresh, and storing its
    /// result.
    pub(crate) fn grace_time(&self) -> Duration {
        Duration::from_secs(self.lock_seconds.unsigned_abs())
    }

    /// The session cookie's name.
    pub(crate) fn cookie_name(&self) -> &str {
        self.shared.policy.name()
    }

    /// Revokes the tokens of a record at the API in the background, if the contract has a call for it.
    pub(super) fn revoke_tokens_later(self: &Arc<Self>, record: Arc<Record>) {
        let sessions = Arc::clone(self);
        self.background().spawn(async move { sessions.revoke_tokens(&record).await });
    }

    /// Revokes the tokens of a record at the API, if the contract has a call for it.
    pub(crate) async fn revoke_tokens(&self, record: &Record) {
        self.upstream.revoke(&record.access_token, record.refresh_token.as_ref()).await;
    }

    pub(super) fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    pub(super) fn refresh_before(&self) -> i64 {
        self.shared.config.refresh_before
    }

    /// Whether the cookie holds only an opaque token, and the store the session.
    pub(super) fn is_server_side(&self) -> bool {
        self.shared.config.store != StoreConfig::Cookie
    }

    /// A random name for the holder of a lock.
    pub(super) fn new_holder(&self) -> String {
        SessionId::random(&self.shared.random).to_string()
    }

    /// Creates the record of a new login, and its session token if the store keeps it. The id is always new, so that
    /// a planted cookie gains nothing (session fixation).
    ///
    /// # Errors
    /// If the sealed record does not fit into the cookies.
    pub(crate) fn create(
        &self,
        tokens: Tokens,
        user: String,
        persistent: Option<bool>,
        user_agent: Option<HeaderValue>,
    ) -> Result<(Record, Option<SessionToken>), TooLarge> {
        let token = self.is_server_side().then(|| SessionToken::random(&self.shared.random));
        let id = token.map_or_else(|| SessionId::random(&self.shared.random), SessionToken::id);
        let config = &self.shared.config;
        let options = SessionOptions {
            refresh_before: config.refresh_before,
            persistent: persistent.unwrap_or(config.persistent),
            // Sessions in cookies are never listed, and are to be short.
            user_agent: user_agent.filter(|_| token.is_some()).as_ref().and_then(printable_user_agent),
        };
        let record = Record::new(id, tokens, user, self.shared.clock.now(), options);
        if token.is_none() {
            self.shared.policy.check(self.seal_for_cookie(&record).len())?;
        }
        Ok((record, token))
    }

    /// The state that the requests of a session share. Notes the first sight of the newest cookie.
    pub(super) fn enter(&self, record: &Arc<Record>) -> Arc<InFlightSession> {
        let in_flight = self.shared.in_flight.enter(record);
        if Arc::strong_count(&in_flight) == 1 {
            // This is the only request of the session.
            return in_flight;
        }
        if in_flight.is_first_sight(record) {
            self.shared.unconfirmed.confirm(Arc::clone(&in_flight));
        } else if in_flight.latest().generation > record.generation {
            // An older cookie: its refresh may have expired.
            self.shared.unconfirmed.evict_expired();
            if Arc::strong_count(&in_flight) == 1 {
                drop(in_flight);
                return self.shared.in_flight.enter(record);
            }
        }
        in_flight
    }

    /// Passes a newer record on to the requests in flight.
    pub(super) fn learn(&self, record: &Arc<Record>) {
        self.shared.in_flight.learn(record);
    }

    /// Passes a refreshed record on to the requests in flight and to those with the previous cookie.
    pub(super) fn note_refreshed(&self, record: &Arc<Record>) {
        let in_flight = self.shared.in_flight.enter(record);
        // A cookie with an opaque token does not change.
        if self.is_server_side() {
            self.shared.unconfirmed.confirm(in_flight);
        } else {
            self.shared.unconfirmed.add(in_flight);
        }
        if self.has_ended(record.id) {
            self.shared.unconfirmed.forget(record.id);
        }
    }

    /// The record with the user data that this process knows, if that is newer.
    pub(super) fn with_newest_user(&self, record: &Record) -> Record {
        let record = record.clone();
        match self.shared.in_flight.find(record.id) {
            Some(in_flight) => record.with_newer_user_of(&in_flight.latest()),
            None => record,
        }
    }

    /// Loads the record of a session from a store.
    pub(super) async fn load_record(&self, store: &Store, id: SessionId) -> Result<Option<Record>, StoreUnavailable> {
        let name = session_store_key(id);
        Ok(store.load(&name).await?.and_then(|stored| self.shared.sealer.open(&name, &stored.sealed)))
    }

    /// Whether the session is known to have ended.
    pub(super) fn has_ended(&self, id: SessionId) -> bool {
        self.shared.revoked.ended_at(id).is_some()
    }

    /// The store key and time to live, in seconds, of a record: of the session itself, or with sessions in cookies of
    /// the result of its last refresh, for other replicas.
    pub(super) fn key_and_ttl(&self, record: &Record) -> (String, i64) {
        if self.is_server_side() {
            (session_store_key(record.id), self.seconds_left(record).max(1))
        } else {
            (format!("renewed:{}", record.id), GRACE)
        }
    }

    pub(super) fn seal(&self, name: &str, record: &Record) -> StoredRecord {
        // Sealing fails only without a key, which is ruled out at the start.
        let sealed = self.shared.sealer.seal(name, record).unwrap_or_default();
        StoredRecord { generation: record.generation, changes: record.changes, sealed }
    }

    fn seal_for_cookie(&self, record: &Record) -> String {
        self.seal(self.shared.policy.name(), record).sealed
    }

    /// The cookie value that holds a record; the same for all responses that need it within a short time.
    pub(super) fn cookie_value(&self, record: &Arc<Record>) -> Arc<str> {
        self.shared.encrypted_cookies.get_or(record, self.shared.clock.now(), || self.seal_for_cookie(record))
    }

    /// Loads the stored record if it is newer than this one.
    pub(super) async fn load_newer(&self, record: &Record) -> Result<Option<Arc<Record>>, StoreUnavailable> {
        let Some(store) = &self.store else { return Ok(None) };
        let (name, _) = self.key_and_ttl(record);
        let stored = store.load(&name).await?.filter(|stored| stored.generation > record.generation);
        Ok(stored.and_then(|stored| self.shared.sealer.open(&name, &stored.sealed)).map(Arc::new))
    }

    /// The seconds until the session ends without another request.
    pub(super) fn seconds_left(&self, record: &Record) -> i64 {
        self.seconds_left_at(record, self.shared.clock.now())
    }

    pub(super) fn seconds_left_at(&self, record: &Record, now: i64) -> i64 {
        let config = &self.shared.config;
        let idle = record.last_seen_at.saturating_add(config.idle_lifetime);
        idle.min(record.created_at.saturating_add(config.absolute_lifetime)) - now
    }

    /// The remaining lifetime of a session, and whether a request would prolong it.
    pub(crate) fn time_left(&self, record: &Record) -> TimeLeft {
        let config = &self.shared.config;
        let idle = record.last_seen_at.saturating_add(config.idle_lifetime);
        let token_end = record.access_expires_at.filter(|_| record.refresh_token.is_none());
        let absolute = record.created_at.saturating_add(config.absolute_lifetime);
        let last = absolute.min(token_end.unwrap_or(i64::MAX));
        TimeLeft { seconds: idle.min(last) - self.shared.clock.now(), can_be_prolonged: idle < last }
    }

    /// How stale `last_seen_at` may become, in seconds: a fraction of a short idle lifetime, which would otherwise end
    /// for an active user.
    pub(super) fn touch_interval(&self) -> i64 {
        TOUCH_INTERVAL.min(self.shared.config.idle_lifetime / 4)
    }

    /// The seconds until the absolute end of a session.
    pub(super) fn seconds_to_absolute_end(&self, record: &Record) -> i64 {
        record.created_at.saturating_add(self.shared.config.absolute_lifetime) - self.shared.clock.now()
    }

    /// Ends a session for good: the cookie becomes invalid and all subscribers are notified. If the store is
    /// unavailable, storing the end is retried for a while.
    pub(crate) async fn revoke(self: &Arc<Self>, record: &Record) {
        self.shared.note_ended(record.id, record.created_at.saturating_add(self.shared.config.absolute_lifetime));
        if self.store_end(record).await.is_err() {
            let (sessions, record) = (Arc::clone(self), record.clone());
            self.background().spawn(async move { sessions.retry_store_end(&record).await });
        }
    }

    async fn store_end(&self, record: &Record) -> Result<(), StoreUnavailable> {
        let Some(store) = &self.store else { return Ok(()) };
        if self.is_server_side() {
            store.remove(&session_store_key(record.id)).await?;
            if let Some(index) = user_index_key(record) {
                store.index_remove(&index, &record.id.to_string()).await?;
            }
        } else {
            let ended = StoredRecord { generation: 0, changes: 0, sealed: "-".into() };
            let ttl = self.seconds_to_absolute_end(record).max(1);
            store.save(&ended_store_key(record.id), &ended, Replace::OlderOrNone, ttl).await?;
        }
        store.publish_ended(record.id).await
    }

    async fn retry_store_end(&self, record: &Record) {
        /// Takes some minutes in all.
        const ATTEMPTS: u64 = 20;
        for wait in 1..=ATTEMPTS {
            tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
            if self.store_end(record).await.is_ok() {
                return;
            }
        }
        tracing::error!(session = ?record.id, "the end of a session could not be stored");
    }
}

impl SharedState {
    /// Remembers the end of a session until `until` at the latest, and notifies its subscribers. Until then only this
    /// memory rejects the cookie.
    fn note_ended(&self, id: SessionId, until: i64) {
        let now = self.clock.now();
        let until = match self.config.store {
            // No request can prolong the session any more.
            StoreConfig::Cookie => until.min(now.saturating_add(self.config.idle_lifetime)),
            // The store knows that the session has ended.
            StoreConfig::Redis(_) | StoreConfig::Memory => until.min(now.saturating_add(TTL_WITH_STORE)),
        };
        self.revoked.add(id, until, now);
        self.unconfirmed.forget(id);
        self.end_notifier.notify(id);
    }
}

/// Creates a Redis store that notifies this process of sessions that end at other replicas.
fn redis(key: &'static str, url: &RedisUrl, shared: &Arc<SharedState>) -> Result<Store, ConfigError> {
    let weak = Arc::downgrade(shared);
    let on_ended = move |id: SessionId| {
        if let Some(shared) = weak.upgrade() {
            shared.note_ended(id, shared.clock.now().saturating_add(shared.config.absolute_lifetime));
        }
    };
    Redis::new(key, url, Arc::new(on_ended)).map(|redis| Store::Redis(Box::new(redis)))
}

impl std::fmt::Debug for SessionManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionManager").field("policy", &self.shared.policy).finish_non_exhaustive()
    }
}
