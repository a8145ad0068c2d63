//! Finds the session of a request, and writes what became of it into the answer.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};

use super::{
    Change, Session, SessionEnds,
    cookie::{CookiePolicy, Found, TooLarge},
    key::Key,
    record::{Record, SessionId, TOUCH_INTERVAL},
    refresh::{Failed, Refresher},
    revoked::Revoked,
    seal::Sealer,
};
use crate::{
    clock::Clock,
    config::{Config, SameSite, SessionConfig},
    random::Random,
    upstream::{Tokens, Upstream},
};

/// Everything about sessions that outlives a request; shared by all cores.
pub(crate) struct Sessions {
    config: SessionConfig,
    policy: CookiePolicy,
    sealer: Sealer,
    refresher: Refresher,
    revoked: Revoked,
    ends: SessionEnds,
    clock: Clock,
    random: Random,
}

impl Sessions {
    pub(crate) fn new(config: &Config, keys: &[Key], clock: Clock, random: Random) -> Self {
        let strict = config.session.same_site == SameSite::Strict;
        Self {
            config: config.session.clone(),
            policy: CookiePolicy::new(config.https(), strict),
            sealer: Sealer::new(keys, random.clone()),
            refresher: Refresher::new(&config.session, clock.clone()),
            revoked: Revoked::default(),
            ends: SessionEnds::default(),
            clock,
            random,
        }
    }

    pub(crate) fn ends(&self) -> &SessionEnds {
        &self.ends
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The record of a new log-in. It always has a fresh id, so that a planted cookie gains nothing.
    ///
    /// # Errors
    /// When the sealed record would not fit into the cookies.
    pub(crate) fn begin(&self, tokens: Tokens, user: String) -> Result<Record, TooLarge> {
        let id = SessionId::random(&self.random);
        let record = Record::begun(id, tokens, user, self.clock.now(), self.config.refresh_before);
        self.set_cookies(&record, &HeaderMap::new()).map(|_| record)
    }

    /// The session that a request's cookies stand for. With `passive` the request counts as no
    /// activity and never calls the API.
    pub(crate) async fn resolve(&self, cookies: &HeaderMap, passive: bool, upstream: &Upstream) -> Session {
        let record = match self.policy.read(cookies) {
            Found::Nothing => return Session::default(),
            Found::Broken => None,
            Found::Value(text) => self.sealer.open(self.policy.name(), &text),
        };
        match record.filter(|record| self.is_alive(record)) {
            None => Session::loaded(None, Change::Remove),
            Some(record) if passive => Session::loaded(Some(Arc::new(record)), Change::None),
            Some(record) => self.renew(Arc::new(record), upstream).await,
        }
    }

    /// Whether a session may still be used: neither ended, nor idle or old beyond its limits, nor
    /// left with an ended token that nothing renews.
    fn is_alive(&self, record: &Record) -> bool {
        let now = self.clock.now();
        let usable = !record.access_expired(now) || record.refresh_token.is_some();
        usable
            && now < record.last_seen_at + self.config.idle_lifetime
            && now < record.created_at + self.config.absolute_lifetime
            && !self.revoked.contains(record.id)
    }

    /// Renews the token where it is due, and notes the activity.
    async fn renew(&self, record: Arc<Record>, upstream: &Upstream) -> Session {
        let now = self.clock.now();
        let renewed = if record.refresh_due(now) {
            match self.refresher.refresh(&record, upstream).await {
                Ok(renewed) => Some(renewed),
                Err(Failed::Refused) => {
                    self.end(record.id, record.created_at);
                    return Session::loaded(None, Change::Remove);
                }
                Err(Failed::Unavailable) => return Session::unrenewed(record),
            }
        } else {
            None
        };
        if renewed.is_none() && now - record.last_seen_at < TOUCH_INTERVAL {
            return Session::loaded(Some(record), Change::None);
        }
        let touched = Record { last_seen_at: now, ..(*renewed.unwrap_or(record)).clone() };
        Session::loaded(Some(Arc::new(touched)), Change::Save)
    }

    /// Ends a session for good: its cookie is worth nothing from now on, and who watches is told.
    pub(crate) fn end(&self, id: SessionId, created_at: i64) {
        let until = created_at.saturating_add(self.config.absolute_lifetime);
        self.revoked.add(id, until, self.clock.now());
        self.ends.end(id);
    }

    /// Writes into `response` what became of the session of a request with these cookies.
    pub(crate) fn write(
        &self,
        session: &Session,
        before: Option<&Record>,
        cookies: &HeaderMap,
        response: &mut HeaderMap,
    ) {
        let (change, after) = session.outcome();
        if let Some(before) = before
            && after.as_ref().is_none_or(|after| after.id != before.id)
        {
            self.end(before.id, before.created_at);
        }
        let values = match (change, &after) {
            (Change::None, _) | (Change::Save, None) => Vec::new(),
            (Change::Remove, _) => self.policy.remove(cookies),
            (Change::Save, Some(record)) => self.set_cookies(record, cookies).unwrap_or_else(|error| {
                tracing::error!(%error, session = ?record.id, "the session cannot be kept: it ends");
                self.end(record.id, record.created_at);
                self.policy.remove(cookies)
            }),
        };
        if before.is_some() || after.is_some() || !values.is_empty() {
            mark_private(response);
        }
        for value in values {
            response.append(header::SET_COOKIE, value);
        }
    }

    fn set_cookies(&self, record: &Record, cookies: &HeaderMap) -> Result<Vec<HeaderValue>, TooLarge> {
        // Sealing fails only without a key, which is ruled out at the start.
        let sealed = self.sealer.seal(self.policy.name(), record).unwrap_or_default();
        self.policy.store(&sealed, self.max_age(record), cookies)
    }

    /// How long the browser keeps the cookie, in seconds.
    fn max_age(&self, record: &Record) -> Option<i64> {
        let now = self.clock.now();
        let idle = record.last_seen_at + self.config.idle_lifetime - now;
        let absolute = record.created_at + self.config.absolute_lifetime - now;
        self.config.persistent.then(|| idle.min(absolute).max(0))
    }
}

/// An answer made for one person is kept by no cache (RFC 9111 §5.2.2.5), unless its handler knew
/// better.
fn mark_private(headers: &mut HeaderMap) {
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    let varies = headers
        .get_all(header::VARY)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|name| name.trim().eq_ignore_ascii_case("cookie")));
    if !varies {
        headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("policy", &self.policy).finish_non_exhaustive()
    }
}
