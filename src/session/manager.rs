//! Everything about sessions that outlives a request.

use std::{sync::Arc, time::Duration};

use http::HeaderValue;

use super::{
    SessionEnds,
    cookie::{CookiePolicy, TooLarge},
    flight::Flights,
    key::Key,
    live::{Live, LiveSessions},
    opened::Opened,
    record::{Record, SessionId, TOUCH_INTERVAL, Terms, TimeLeft, printable},
    refresh::GRACE,
    revoked::{KEPT_BESIDES_A_STORE, Revoked},
    rotation::Rotations,
    seal::Sealer,
    sealed::Sealed,
    store::{Down, Memory, Redis, Replace, Store, Stored},
    ticket::Ticket,
};
use crate::{
    background::Background,
    clock::Clock,
    config::{Config, ConfigError, RedisUrl, SameSite, SessionConfig, StoreConfig},
    random::Random,
    upstream::{Tokens, Upstream},
};

/// Everything about sessions that outlives a request, as one core sees it.
pub(crate) struct Sessions {
    pub(super) core: Arc<Core>,
    store: Option<Store>,
    upstream: Arc<Upstream>,
    /// How long the lock of a refresh is held at most, in seconds.
    lock_seconds: i64,
}

/// How long that is more than the longest refresh, in seconds.
const LOCK_MARGIN: i64 = 5;

/// What all cores share.
pub(super) struct Core {
    pub(super) config: SessionConfig,
    pub(super) policy: CookiePolicy,
    pub(super) sealer: Sealer,
    pub(super) opened: Opened,
    sealed: Sealed,
    pub(super) revoked: Revoked,
    pub(super) live: LiveSessions,
    pub(super) flights: Flights,
    rotations: Rotations,
    ends: SessionEnds,
    clock: Clock,
    random: Random,
}

impl Sessions {
    /// # Errors
    /// When the store's URL cannot be used.
    pub(crate) fn new(
        config: &Config,
        keys: &[Key],
        clock: Clock,
        random: Random,
        upstream: Arc<Upstream>,
    ) -> Result<Self, ConfigError> {
        let strict = config.session.same_site == SameSite::Strict;
        let core = Arc::new(Core {
            config: config.session.clone(),
            policy: CookiePolicy::new(&config.session.cookie_name, config.https(), strict),
            sealer: Sealer::new(keys, random.clone()),
            flights: Flights::new(clock.clone()),
            rotations: Rotations::new(clock.clone()),
            opened: Opened::new(),
            sealed: Sealed::new(),
            revoked: Revoked::default(),
            live: LiveSessions::new(),
            ends: SessionEnds::default(),
            clock,
            random,
        });
        let store = match (&config.session.store, &config.session.revocation) {
            (StoreConfig::Memory, _) => Some(Store::Memory(Arc::new(Memory::new(core.clock.clone())))),
            (StoreConfig::Redis(url), _) => Some(redis("session.store", url, &core)?),
            (StoreConfig::Cookie, Some(url)) => Some(redis("session.revocation", url, &core)?),
            (StoreConfig::Cookie, None) => None,
        };
        let longest = upstream.longest_operation().as_secs() + 1;
        let lock_seconds = i64::try_from(longest).unwrap_or(i64::MAX - LOCK_MARGIN) + LOCK_MARGIN;
        Ok(Self { core, store, upstream, lock_seconds })
    }

    /// The same with connections of its own, for another runtime.
    pub(crate) fn with_own_connections(&self, upstream: Arc<Upstream>) -> Self {
        let store = self.store.as_ref().map(Store::with_own_connection);
        Self { core: Arc::clone(&self.core), store, upstream, lock_seconds: self.lock_seconds }
    }

    pub(crate) fn ends(&self) -> &SessionEnds {
        &self.core.ends
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.core.clock
    }

    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(super) fn lock_seconds(&self) -> i64 {
        self.lock_seconds
    }

    /// What goes on without a request.
    pub(crate) fn background(&self) -> &Background {
        self.upstream.background()
    }

    /// How long what was begun may take to end, when the server stops: the longest refresh, and storing what it
    /// brought.
    pub(crate) fn grace_time(&self) -> Duration {
        Duration::from_secs(self.lock_seconds.unsigned_abs())
    }

    /// The session cookie's name.
    pub(crate) fn cookie_name(&self) -> &str {
        self.core.policy.name()
    }

    /// Ends the tokens of a record at the API, where the contract has a call for it, while nobody waits.
    pub(super) fn revoke_later(self: &Arc<Self>, record: Arc<Record>) {
        let sessions = Arc::clone(self);
        self.background().spawn(async move { sessions.revoke_at_the_api(&record).await });
    }

    /// Ends the tokens of a record at the API, where the contract has a call for it.
    pub(crate) async fn revoke_at_the_api(&self, record: &Record) {
        self.upstream.revoke(&record.access_token, record.refresh_token.as_ref()).await;
    }

    pub(super) fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    pub(super) fn refresh_before(&self) -> i64 {
        self.core.config.refresh_before
    }

    /// Whether the cookie holds an opaque name, and the store the session.
    pub(super) fn is_server_side(&self) -> bool {
        self.core.config.store != StoreConfig::Cookie
    }

    /// A name for whoever takes a lock.
    pub(super) fn new_holder(&self) -> String {
        SessionId::random(&self.core.random).to_string()
    }

    /// The record of a new log-in, and what opens it. It always has a fresh id, so that a planted
    /// cookie gains nothing.
    ///
    /// # Errors
    /// When the sealed record would not fit into the cookies.
    pub(crate) fn begin(
        &self,
        tokens: Tokens,
        user: String,
        persistent: Option<bool>,
        user_agent: Option<HeaderValue>,
    ) -> Result<(Record, Option<Ticket>), TooLarge> {
        let ticket = self.is_server_side().then(|| Ticket::random(&self.core.random));
        let id = ticket.map_or_else(|| SessionId::random(&self.core.random), Ticket::session);
        let config = &self.core.config;
        let terms = Terms {
            refresh_before: config.refresh_before,
            persistent: persistent.unwrap_or(config.persistent),
            // Nobody lists sessions in cookies, which are to be short.
            user_agent: user_agent.filter(|_| ticket.is_some()).as_ref().and_then(printable),
        };
        let record = Record::begun(id, tokens, user, self.core.clock.now(), terms);
        if ticket.is_none() {
            self.core.policy.check(self.seal_for_cookie(&record).len())?;
        }
        Ok((record, ticket))
    }

    /// What the requests of a session share. Notes that the newest cookie was seen, if this is the first time.
    pub(super) fn enter(&self, record: &Arc<Record>) -> Arc<Live> {
        let live = self.core.live.enter(record);
        if Arc::strong_count(&live) == 1 {
            // Nothing is known of it but this.
            return live;
        }
        if live.is_first_sight(record) {
            self.core.rotations.seen(Arc::clone(&live));
        } else if live.latest().generation > record.generation {
            // A former cookie: it may have come too late.
            self.core.rotations.let_go();
            if Arc::strong_count(&live) == 1 {
                drop(live);
                return self.core.live.enter(record);
            }
        }
        live
    }

    /// Notes a newer record for the requests under way.
    pub(super) fn learn(&self, record: &Arc<Record>) {
        self.core.live.learn(record);
    }

    /// Notes a renewed record for the requests under way and for those with the former cookie.
    pub(super) fn note_renewed(&self, record: &Arc<Record>) {
        let live = self.core.live.enter(record);
        // A cookie that holds an opaque name stays the same.
        if self.is_server_side() {
            self.core.rotations.seen(live);
        } else {
            self.core.rotations.keep(live);
        }
        if self.has_ended(record.id) {
            self.core.rotations.forget(record.id);
        }
    }

    /// The record with what this process knows of the person, if that is newer.
    pub(super) fn newest_content(&self, record: &Record) -> Record {
        let record = record.clone();
        match self.core.live.find(record.id) {
            Some(live) => record.with_content_of(&live.latest()),
            None => record,
        }
    }

    /// The record that a store has.
    pub(super) async fn load_record(&self, store: &Store, id: SessionId) -> Result<Option<Record>, Down> {
        let name = session_name(id);
        Ok(store.load(&name).await?.and_then(|stored| self.core.sealer.open(&name, &stored.sealed)))
    }

    /// Whether the session is known to have ended.
    pub(super) fn has_ended(&self, id: SessionId) -> bool {
        self.core.revoked.ended_at(id).is_some()
    }

    /// Where a record is stored, and for how many seconds: the session itself, or with the cookie as
    /// its place what other replicas need to know of its last refresh.
    pub(super) fn place(&self, record: &Record) -> (String, i64) {
        if self.is_server_side() {
            (session_name(record.id), self.seconds_left(record).max(1))
        } else {
            (format!("renewed:{}", record.id), GRACE)
        }
    }

    pub(super) fn seal(&self, name: &str, record: &Record) -> Stored {
        // Sealing fails only without a key, which is ruled out at the start.
        let sealed = self.core.sealer.seal(name, record).unwrap_or_default();
        Stored { generation: record.generation, changes: record.changes, sealed }
    }

    fn seal_for_cookie(&self, record: &Record) -> String {
        self.seal(self.core.policy.name(), record).sealed
    }

    /// The cookie's value that holds a record; the same for all answers that take it at about the same time.
    pub(super) fn cookie_value(&self, record: &Arc<Record>) -> Arc<str> {
        self.core.sealed.get_or(record, self.core.clock.now(), || self.seal_for_cookie(record))
    }

    /// The stored record, if it is newer than this one.
    pub(super) async fn stored_newer(&self, record: &Record) -> Result<Option<Arc<Record>>, Down> {
        let Some(store) = &self.store else { return Ok(None) };
        let (name, _) = self.place(record);
        let stored = store.load(&name).await?.filter(|stored| stored.generation > record.generation);
        Ok(stored.and_then(|stored| self.core.sealer.open(&name, &stored.sealed)).map(Arc::new))
    }

    /// For how many seconds a session may go on without a request.
    pub(super) fn seconds_left(&self, record: &Record) -> i64 {
        self.seconds_left_at(record, self.core.clock.now())
    }

    pub(super) fn seconds_left_at(&self, record: &Record, now: i64) -> i64 {
        let config = &self.core.config;
        let idle = record.last_seen_at.saturating_add(config.idle_lifetime);
        idle.min(record.created_at.saturating_add(config.absolute_lifetime)) - now
    }

    /// How long a session goes on, and whether a request would change that.
    pub(crate) fn time_left(&self, record: &Record) -> TimeLeft {
        let config = &self.core.config;
        let idle = record.last_seen_at.saturating_add(config.idle_lifetime);
        let token_end = record.access_expires_at.filter(|_| record.refresh_token.is_none());
        let absolute = record.created_at.saturating_add(config.absolute_lifetime);
        let last = absolute.min(token_end.unwrap_or(i64::MAX));
        TimeLeft { seconds: idle.min(last) - self.core.clock.now(), can_be_prolonged: idle < last }
    }

    /// How stale `last_seen_at` may become: less than a short idle lifetime, which would end under the
    /// hands of somebody who is there all the time.
    pub(super) fn touch_interval(&self) -> i64 {
        TOUCH_INTERVAL.min(self.core.config.idle_lifetime / 4)
    }

    /// For how many seconds a session may go on in any case.
    pub(super) fn seconds_to_the_end(&self, record: &Record) -> i64 {
        record.created_at.saturating_add(self.core.config.absolute_lifetime) - self.core.clock.now()
    }

    /// Ends a session for good: its cookie is worth nothing from now on, and who watches is told.
    /// What cannot be told to a store that is down is tried again for a while.
    pub(crate) async fn end(self: &Arc<Self>, record: &Record) {
        self.core.end(record.id, record.created_at.saturating_add(self.core.config.absolute_lifetime));
        if self.end_in_store(record).await.is_err() {
            let (sessions, record) = (Arc::clone(self), record.clone());
            self.background().spawn(async move { sessions.end_in_store_later(&record).await });
        }
    }

    async fn end_in_store(&self, record: &Record) -> Result<(), Down> {
        let Some(store) = &self.store else { return Ok(()) };
        if self.is_server_side() {
            store.remove(&session_name(record.id)).await?;
            if let Some(person) = super::device::person_list(record) {
                store.delist(&person, &record.id.to_string()).await?;
            }
        } else {
            let ended = Stored { generation: 0, changes: 0, sealed: "-".into() };
            let ttl = self.seconds_to_the_end(record).max(1);
            store.save(&ended_name(record.id), &ended, Replace::OlderOrNone, ttl).await?;
        }
        store.announce(record.id).await
    }

    async fn end_in_store_later(&self, record: &Record) {
        /// Some minutes.
        const TRIES: u64 = 20;
        for wait in 1..=TRIES {
            tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
            if self.end_in_store(record).await.is_ok() {
                return;
            }
        }
        tracing::error!(session = ?record.id, "the end of a session could not be stored");
    }
}

impl Core {
    /// Remembers the end of a session whose cookie nothing but this process refuses until `until` at the latest, and
    /// tells those who watch.
    fn end(&self, id: SessionId, until: i64) {
        let now = self.clock.now();
        let until = match self.config.store {
            // From here on no request prolongs it.
            StoreConfig::Cookie => until.min(now.saturating_add(self.config.idle_lifetime)),
            // The store knows that it has ended.
            StoreConfig::Redis(_) | StoreConfig::Memory => until.min(now.saturating_add(KEPT_BESIDES_A_STORE)),
        };
        self.revoked.add(id, until, now);
        self.rotations.forget(id);
        self.ends.end(id);
    }
}

/// The name under which the store has a session.
pub(super) fn session_name(id: SessionId) -> String {
    format!("session:{id}")
}

/// The name under which the store remembers that a session has ended.
pub(super) fn ended_name(id: SessionId) -> String {
    format!("ended:{id}")
}

/// A store that tells this process of sessions that end at other replicas.
fn redis(key: &'static str, url: &RedisUrl, core: &Arc<Core>) -> Result<Store, ConfigError> {
    let weak = Arc::downgrade(core);
    let told = move |id: SessionId| {
        if let Some(core) = weak.upgrade() {
            core.end(id, core.clock.now().saturating_add(core.config.absolute_lifetime));
        }
    };
    Redis::new(key, url, Arc::new(told)).map(|redis| Store::Redis(Box::new(redis)))
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("policy", &self.core.policy).finish_non_exhaustive()
    }
}
