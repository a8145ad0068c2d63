//! Resolves the session of a request, and refreshes its token when due.

use std::sync::Arc;

use axum::http::HeaderValue;

use super::{
    Session,
    cookie::CookieValue,
    handle::{Change, ResolvedSession},
    manager::SessionManager,
    record::{Record, SessionId},
    session_token::SessionToken,
    single_flight::SessionRefreshError,
    store::StoreUnavailable,
    store_key::ended_store_key,
    unconfirmed_refreshes::GRACE,
};

/// The touch interval is divided by this: requests within that time record the same activity time, so that their
/// responses share one cookie value.
const TOUCH_GROUPS: i64 = 6;

/// The result of looking up the session of a request.
enum Lookup {
    /// No session cookie.
    NoCookie,
    /// A session cookie that is no longer valid.
    Unusable,
    /// A cookie that this server cannot open. Cookies do not distinguish ports, so it may belong to another server on
    /// the same host and is left in place. A login overwrites it.
    Foreign,
    /// A session that ended a moment ago. The cookie is left in place, as a newer one may be on its way to the browser.
    JustEnded,
    /// A valid session.
    Session(Arc<Record>, Option<SessionToken>),
}

impl SessionManager {
    /// Resolves the session of a request from its `Cookie` headers. A `passive` request does not count as activity and
    /// never calls the API. `now` is when the request arrived, in seconds since the epoch.
    ///
    /// Rare futures are boxed, so that they do not enlarge the future of every request.
    pub(crate) async fn resolve(self: &Arc<Self>, cookies: &[HeaderValue], passive: bool, now: i64) -> Session {
        let (record, token) = match self.look_up(cookies, now).await {
            Ok(Lookup::NoCookie) => return Session::default(),
            Ok(Lookup::Unusable) => return Session::anonymous(Change::RemoveCookie),
            Ok(Lookup::Foreign) => return Session::with_foreign_cookie(),
            Ok(Lookup::JustEnded) => return Session::anonymous(Change::None),
            Err(StoreUnavailable) => return Session::unavailable(),
            Ok(Lookup::Session(record, token)) => (record, token),
        };
        let resolved = ResolvedSession { sessions: Arc::clone(self), in_flight: self.enter(&record), token };
        if passive {
            Session::active(record, Change::None, resolved)
        } else {
            self.activate(record, resolved, now).await
        }
    }

    async fn look_up(&self, cookies: &[HeaderValue], now: i64) -> Result<Lookup, StoreUnavailable> {
        let text = match self.shared.policy.read(cookies) {
            CookieValue::Missing => return Ok(Lookup::NoCookie),
            CookieValue::Malformed => return Ok(Lookup::Foreign),
            CookieValue::Complete(text) => text,
        };
        let token = if self.is_server_side() { SessionToken::parse(&text) } else { None };
        let resolved = if self.is_server_side() { Box::pin(self.load(token)).await? } else { self.unseal(&text, now) };
        let Some((record, token)) = resolved else {
            // The store has removed an ended session, but its token still identifies it.
            let id = token.map(SessionToken::id);
            return Ok(id.and_then(|id| self.ended(id)).unwrap_or(Lookup::Foreign));
        };
        if let Some(ended) = self.ended(record.id) {
            return Ok(ended);
        }
        if !self.is_alive_at(&record, now) || self.ended_elsewhere(&record).await? {
            return Ok(Lookup::Unusable);
        }
        Ok(Lookup::Session(record, token))
    }

    /// The lookup result for a session that is known to have ended.
    fn ended(&self, id: SessionId) -> Option<Lookup> {
        let ended_at = self.shared.revoked.ended_at(id)?;
        let just = self.clock().now() - ended_at < GRACE;
        Some(if just { Lookup::JustEnded } else { Lookup::Unusable })
    }

    fn unseal(&self, text: &[u8], now: i64) -> Option<(Arc<Record>, Option<SessionToken>)> {
        let open = || self.shared.sealer.open(self.shared.policy.name(), std::str::from_utf8(text).ok()?);
        Some((self.shared.decrypted_cookies.get_or(text, now, open)?, None))
    }

    async fn load(
        &self,
        token: Option<SessionToken>,
    ) -> Result<Option<(Arc<Record>, Option<SessionToken>)>, StoreUnavailable> {
        let (Some(store), Some(token)) = (self.store(), token) else { return Ok(None) };
        let record = self.load_record(store, token.id()).await?;
        Ok(record.map(|record| (Arc::new(record), Some(token))))
    }

    /// Whether a session in a cookie has ended at another replica.
    async fn ended_elsewhere(&self, record: &Record) -> Result<bool, StoreUnavailable> {
        match self.store() {
            Some(store) if !self.is_server_side() => {
                let name = ended_store_key(record.id);
                Ok(Box::pin(store.load(&name)).await?.is_some())
            }
            _ => Ok(false),
        }
    }

    /// Whether a session has ended according to the store. Learns a newer record.
    pub(super) async fn has_ended_in_store(&self, record: &Record) -> Result<bool, StoreUnavailable> {
        let Some(store) = self.store().filter(|_| self.is_server_side()) else {
            return self.ended_elsewhere(record).await;
        };
        let stored = self.load_record(store, record.id).await?.map(Arc::new).inspect(|stored| self.learn(stored));
        Ok(stored.is_none_or(|stored| !self.is_alive(&stored)))
    }

    /// Whether a session is still valid: within its idle and absolute lifetime, and with an access token that has not
    /// expired or can be refreshed.
    pub(super) fn is_alive(&self, record: &Record) -> bool {
        self.is_alive_at(record, self.clock().now())
    }

    fn is_alive_at(&self, record: &Record, now: i64) -> bool {
        let usable = !record.access_expired(now) || record.refresh_token.is_some();
        usable && self.seconds_left_at(record, now) > 0
    }

    /// Refreshes the token when due, and records the activity.
    async fn activate(self: &Arc<Self>, record: Arc<Record>, resolved: ResolvedSession, now: i64) -> Session {
        let latest = resolved.in_flight.latest();
        // The cookie predates a refresh or a change.
        let is_outdated = latest.version() > record.version();
        let record = if is_outdated { Arc::clone(&latest) } else { record };
        if record.refresh_due(now) {
            return Box::pin(self.refresh_due_token(record, is_outdated, resolved)).await;
        }
        if is_outdated {
            return Session::active(record, Change::Refreshed, resolved);
        }
        if now - record.last_seen_at < self.touch_interval() {
            return Session::active(record, Change::None, resolved);
        }
        // Share only `last_seen_at`. Two records of the same generation can differ in `user`, and ours may be the newer.
        let shared_time = latest.last_seen_at;
        let is_shared =
            latest.generation == record.generation && now - shared_time < self.touch_interval() / TOUCH_GROUPS;
        let last_seen_at = if is_shared { shared_time } else { now };
        let touched = Arc::new(Record { last_seen_at, ..(*record).clone() });
        resolved.in_flight.learn(&touched);
        Session::active(touched, Change::Touch, resolved)
    }

    /// Refreshes the token of `record`. With `is_outdated`, the request's cookie holds an older record.
    async fn refresh_due_token(
        self: &Arc<Self>,
        record: Arc<Record>,
        is_outdated: bool,
        resolved: ResolvedSession,
    ) -> Session {
        let refreshed = self.refresh(&record).await;
        if self.has_ended(record.id) && refreshed != Err(SessionRefreshError::Refused) {
            // A logout came in the meantime.
            return Session::anonymous(Change::None);
        }
        match refreshed {
            Ok(refreshed) => {
                resolved.in_flight.learn(&refreshed);
                if refreshed.is_usable_after(&record) {
                    Session::active(refreshed, Change::Refreshed, resolved)
                } else {
                    Session::refresh_unavailable(refreshed, Change::Refreshed, resolved)
                }
            }
            Err(SessionRefreshError::Refused) => {
                self.revoke(&record).await;
                Session::anonymous(Change::RemoveCookie)
            }
            Err(SessionRefreshError::Unavailable) => {
                let change = if is_outdated { Change::Refreshed } else { Change::None };
                Session::refresh_unavailable(record, change, resolved)
            }
        }
    }
}
