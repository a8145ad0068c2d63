//! Finds the session of a request, and renews it where that is due.

use std::sync::Arc;

use axum::http::HeaderValue;

use super::{
    Session, cookie,
    handle::{Change, Found},
    manager::{Sessions, ended_name},
    record::{Record, SessionId},
    refresh::{Failed, GRACE},
    store::Down,
    ticket::Ticket,
};

/// Requests that come within this part of the touch interval note their activity together, so that their answers
/// share one cookie.
const TOGETHER: i64 = 6;

/// What the cookies of a request stand for.
enum Lookup {
    /// No cookie of ours.
    Nothing,
    /// A cookie of ours that is good for nothing any more.
    Unusable,
    /// A cookie that this server cannot open. Cookies know no ports, so that it may be another server's on the same
    /// host: it is left alone. A log-in writes over it.
    Foreign,
    /// A session that ended a moment ago. A newer one may be on its way to the browser, so that its
    /// cookie is left alone.
    JustEnded,
    /// A session.
    Session(Arc<Record>, Option<Ticket>),
}

impl Sessions {
    /// The session that a request's `Cookie` fields stand for. With `passive` the request counts as no
    /// activity and never calls the API. `now` is when it came, in
    /// seconds since the epoch.
    ///
    /// What is rare and large in memory is boxed, so that all other requests do not carry it around.
    pub(crate) async fn resolve(self: &Arc<Self>, cookies: &[HeaderValue], passive: bool, now: i64) -> Session {
        let (record, ticket) = match self.look_up(cookies, now).await {
            Ok(Lookup::Nothing) => return Session::default(),
            Ok(Lookup::Unusable) => return Session::nobody(Change::Remove),
            Ok(Lookup::Foreign) => return Session::foreign(),
            Ok(Lookup::JustEnded) => return Session::nobody(Change::None),
            Err(Down) => return Session::unavailable(),
            Ok(Lookup::Session(record, ticket)) => (record, ticket),
        };
        let found = Found { sessions: Arc::clone(self), live: self.enter(&record), ticket };
        if passive { Session::found(record, Change::None, found) } else { self.activate(record, found, now).await }
    }

    async fn look_up(&self, cookies: &[HeaderValue], now: i64) -> Result<Lookup, Down> {
        let text = match self.core.policy.read(cookies) {
            cookie::Found::Nothing => return Ok(Lookup::Nothing),
            cookie::Found::Broken => return Ok(Lookup::Foreign),
            cookie::Found::Value(text) => text,
        };
        let ticket = if self.is_server_side() { Ticket::parse(&text) } else { None };
        let found = if self.is_server_side() { Box::pin(self.load(ticket)).await? } else { self.unseal(&text, now) };
        let Some((record, ticket)) = found else {
            // A store has forgotten what ended; the cookie still tells which session it was.
            let id = ticket.map(Ticket::session);
            return Ok(id.and_then(|id| self.ended(id)).unwrap_or(Lookup::Foreign));
        };
        if let Some(ended) = self.ended(record.id) {
            return Ok(ended);
        }
        if !self.is_alive_at(&record, now) || self.ended_elsewhere(&record).await? {
            return Ok(Lookup::Unusable);
        }
        Ok(Lookup::Session(record, ticket))
    }

    /// What a cookie is good for whose session is known to have ended.
    fn ended(&self, id: SessionId) -> Option<Lookup> {
        let ended_at = self.core.revoked.ended_at(id)?;
        let just = self.clock().now() - ended_at < GRACE;
        Some(if just { Lookup::JustEnded } else { Lookup::Unusable })
    }

    fn unseal(&self, text: &[u8], now: i64) -> Option<(Arc<Record>, Option<Ticket>)> {
        let open = || self.core.sealer.open(self.core.policy.name(), std::str::from_utf8(text).ok()?);
        Some((self.core.opened.get_or(text, now, open)?, None))
    }

    async fn load(&self, ticket: Option<Ticket>) -> Result<Option<(Arc<Record>, Option<Ticket>)>, Down> {
        let (Some(store), Some(ticket)) = (self.store(), ticket) else { return Ok(None) };
        let record = self.load_record(store, ticket.session()).await?;
        Ok(record.map(|record| (Arc::new(record), Some(ticket))))
    }

    /// Whether a session in a cookie has ended at another replica.
    async fn ended_elsewhere(&self, record: &Record) -> Result<bool, Down> {
        match self.store() {
            Some(store) if !self.is_server_side() => {
                let name = ended_name(record.id);
                Ok(Box::pin(store.load(&name)).await?.is_some())
            }
            _ => Ok(false),
        }
    }

    /// Whether a session has ended, as far as the store knows. Learns what is new in it.
    pub(super) async fn is_gone(&self, record: &Record) -> Result<bool, Down> {
        let Some(store) = self.store().filter(|_| self.is_server_side()) else {
            return self.ended_elsewhere(record).await;
        };
        let stored = self.load_record(store, record.id).await?.map(Arc::new).inspect(|stored| self.learn(stored));
        Ok(stored.is_none_or(|stored| !self.is_alive(&stored)))
    }

    /// Whether a session may still be used: neither idle or old beyond its limits, nor left with an
    /// ended token that nothing renews.
    pub(super) fn is_alive(&self, record: &Record) -> bool {
        self.is_alive_at(record, self.clock().now())
    }

    fn is_alive_at(&self, record: &Record, now: i64) -> bool {
        let usable = !record.access_expired(now) || record.refresh_token.is_some();
        usable && self.seconds_left_at(record, now) > 0
    }

    /// Renews the token where it is due, and notes the activity.
    async fn activate(self: &Arc<Self>, record: Arc<Record>, found: Found, now: i64) -> Session {
        let latest = found.live.latest();
        // The cookie is from before a renewal or a change.
        let is_former = latest.version() > record.version();
        let record = if is_former { Arc::clone(&latest) } else { record };
        if record.refresh_due(now) {
            return Box::pin(self.renew_due(record, is_former, found)).await;
        }
        if is_former {
            return Session::found(record, Change::Renewed, found);
        }
        if now - record.last_seen_at < self.touch_interval() {
            return Session::found(record, Change::None, found);
        }
        // Only the time is shared: of two records of one generation, the one at hand may know the person better.
        let noted = latest.last_seen_at;
        let together = latest.generation == record.generation && now - noted < self.touch_interval() / TOGETHER;
        let last_seen_at = if together { noted } else { now };
        let touched = Arc::new(Record { last_seen_at, ..(*record).clone() });
        found.live.learn(&touched);
        Session::found(touched, Change::Touch, found)
    }

    /// Renews the token of `record`, which the request's cookie does not hold if that is a former one.
    async fn renew_due(self: &Arc<Self>, record: Arc<Record>, is_former: bool, found: Found) -> Session {
        let renewed = self.refresh(&record).await;
        if self.has_ended(record.id) && renewed != Err(Failed::Refused) {
            // Logged out meanwhile.
            return Session::nobody(Change::None);
        }
        match renewed {
            Ok(renewed) => {
                found.live.learn(&renewed);
                if renewed.is_usable_after(&record) {
                    Session::found(renewed, Change::Renewed, found)
                } else {
                    Session::unrenewed(renewed, Change::Renewed, found)
                }
            }
            Err(Failed::Refused) => {
                self.end(&record).await;
                Session::nobody(Change::Remove)
            }
            Err(Failed::Unavailable) => {
                let change = if is_former { Change::Renewed } else { Change::None };
                Session::unrenewed(record, change, found)
            }
        }
    }
}
