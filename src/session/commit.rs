//! Commits the changes of a request's session: writes them to the store and into the response.
//!
//! Responses to one browser can overtake each other. One rule keeps them in order: a response never writes a record
//! older than the newest one that this process knows, and nothing of a session that has ended in the meantime, as the
//! browser may have a newer session by then.

use std::sync::Arc;

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::Response,
};

use super::{
    Session, cache_control,
    handle::Change,
    manager::SessionManager,
    record::Record,
    session_token::SessionToken,
    store::{Replace, StoreUnavailable},
    store_key::{session_store_key, user_index_key},
};

/// How long after its request a response may still record activity or remove a useless cookie, in seconds. A later
/// response must not touch the cookie: another replica may have replaced it meanwhile.
const PROMPT: i64 = 10;
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// The session layer's data about one request.
pub(crate) struct RequestContext {
    pub(crate) session: Session,
    /// The session that the request arrived with.
    pub(crate) before: Option<Arc<Record>>,
    /// The `Cookie` headers of the request.
    pub(crate) cookies: Vec<HeaderValue>,
    /// When the request arrived, in seconds since the epoch.
    pub(crate) received_at: i64,
    /// Whether the client wants an HTML page, rather than data.
    pub(crate) wants_page: bool,
}

impl SessionManager {
    /// Commits the changes of the session. Rare futures are boxed, so that they do not enlarge the future of every
    /// request.
    ///
    /// # Errors
    /// If a login cannot be stored because the store is unavailable.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        context: &RequestContext,
        response: &mut Response,
    ) -> Result<(), StoreUnavailable> {
        let (change, after) = context.session.outcome();
        let ended_before = context.before.as_ref().is_some_and(|before| self.has_ended(before.id));
        let values = match (change, &after) {
            (Change::LoggedOut, _) => {
                response.headers_mut().insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
                if context.session.has_foreign_cookie() {
                    Vec::new()
                } else {
                    self.shared.policy.remove(&context.cookies)
                }
            }
            (Change::RemoveCookie, _) if !ended_before && (context.before.is_some() || self.is_prompt(context)) => {
                self.shared.policy.remove(&context.cookies)
            }
            (Change::Replaced, Some(record)) => {
                let mut values = Box::pin(self.persist(context, record)).await?;
                values.extend(context.session.known_browser_cookie());
                values
            }
            (Change::Refreshed | Change::Touch, Some(record)) if !self.has_ended(record.id) => {
                Box::pin(self.extend(context, change, record)).await
            }
            _ => Vec::new(),
        };
        // Only after the next session is stored: if that fails, the previous one continues.
        if let Some(before) = &context.before
            && after.as_ref().is_none_or(|after| after.id != before.id)
            && !ended_before
        {
            Box::pin(self.revoke_replaced(context, change, before)).await;
        }
        let headers = response.headers_mut();
        for value in values {
            headers.append(header::SET_COOKIE, value);
        }
        if headers.contains_key(header::SET_COOKIE) {
            cache_control::forbid_caching(headers);
        } else if context.before.is_some() || after.is_some() {
            cache_control::mark_private(headers);
        }
        Ok(())
    }

    /// Revokes a session that another one, or none, replaces. Only this server knows its tokens, so they are revoked at
    /// the API as well, unless the API has refused them.
    async fn revoke_replaced(self: &Arc<Self>, context: &RequestContext, change: Change, before: &Arc<Record>) {
        let newest =
            context.session.resolved().map_or_else(|| Arc::clone(before), |resolved| resolved.in_flight.latest());
        self.revoke(before).await;
        if change != Change::RemoveCookie {
            self.revoke_tokens_later(newest);
        }
    }

    fn is_prompt(&self, context: &RequestContext) -> bool {
        self.clock().now() - context.received_at <= PROMPT
    }

    /// Stores a new session, or new content of the current one.
    async fn persist(
        self: &Arc<Self>,
        context: &RequestContext,
        record: &Arc<Record>,
    ) -> Result<Vec<HeaderValue>, StoreUnavailable> {
        let is_same = context.before.as_ref().is_some_and(|before| before.id == record.id);
        let record = &with_newest_tokens(context, record);
        if is_same {
            self.learn(record);
        }
        let token = context.session.token();
        let (Some(store), true) = (self.store(), self.is_server_side()) else {
            return Ok(self.cookies(context, record, None));
        };
        let Some(token) = token.filter(|token| token.id() == record.id) else {
            tracing::error!(session = ?record.id, "a session without a session token cannot be stored");
            return Ok(Vec::new());
        };
        let name = session_store_key(record.id);
        let rule = if is_same { Replace::SameOrOlder } else { Replace::OlderOrNone };
        let saved = store.save(&name, &self.seal(&name, record), rule, self.seconds_left(record)).await;
        if saved.is_err() && !is_same {
            // Its tokens will never be used.
            self.revoke_tokens_later(Arc::clone(record));
        }
        let is_saved = saved?;
        if let Some(index) = user_index_key(record).filter(|_| is_saved) {
            store.index_add(&index, &record.id.to_string(), self.seconds_to_absolute_end(record)).await?;
        }
        Ok(if is_saved { self.cookies(context, record, Some(token)) } else { Vec::new() })
    }

    /// Writes new tokens, or the activity of the user.
    async fn extend(
        self: &Arc<Self>,
        context: &RequestContext,
        change: Change,
        record: &Arc<Record>,
    ) -> Vec<HeaderValue> {
        let resolved = context.session.resolved();
        let newest =
            resolved.map(|resolved| resolved.in_flight.latest()).filter(|latest| latest.version() > record.version());
        let is_newer = newest.is_some();
        let record = newest.as_ref().unwrap_or(record);
        let token = context.session.token();
        if self.is_server_side() {
            // The refresh has already stored new tokens.
            let current = change == Change::Refreshed || is_newer || self.touch(record).await;
            return if current && self.is_prompt(context) { self.cookies(context, record, token) } else { Vec::new() };
        }
        if change == Change::Touch && !is_newer && (!self.is_prompt(context) || self.is_soon_due(record)) {
            return Vec::new();
        }
        self.cookies(context, record, None)
    }

    /// Records activity in the store. Returns `false` if the store no longer has the session.
    async fn touch(&self, record: &Record) -> bool {
        let Some(store) = self.store() else { return false };
        let name = session_store_key(record.id);
        let (sealed, ttl) = (self.seal(&name, record), self.seconds_left(record));
        store.save(&name, &sealed, Replace::SameOrOlder, ttl).await.unwrap_or(false)
    }

    /// Whether the token may be refreshed, perhaps by another replica, before a prompt response reaches the browser. The
    /// refresh records the activity as well.
    fn is_soon_due(&self, record: &Record) -> bool {
        record.refresh_due(self.clock().now().saturating_add(2 * PROMPT))
    }

    /// The cookies that hold a session.
    fn cookies(
        self: &Arc<Self>,
        context: &RequestContext,
        record: &Arc<Record>,
        token: Option<SessionToken>,
    ) -> Vec<HeaderValue> {
        let value = token.map_or_else(|| self.cookie_value(record), |token| token.to_text().into());
        let max_age = record.persistent.then(|| self.seconds_left(record).max(0));
        self.shared.policy.store(&value, max_age, &context.cookies).unwrap_or_else(|error| {
            tracing::error!(%error, session = ?record.id, "the session does not fit into its cookies and ends");
            let (sessions, record) = (Arc::clone(self), Arc::clone(record));
            self.background().spawn(async move { sessions.revoke(&record).await });
            self.shared.policy.remove(&context.cookies)
        })
    }
}

/// Combines new content of a session with tokens that were refreshed in the meantime.
fn with_newest_tokens(context: &RequestContext, record: &Arc<Record>) -> Arc<Record> {
    let newest = context.session.resolved().map(|resolved| resolved.in_flight.latest());
    let newest = newest.filter(|newest| newest.id == record.id && newest.generation > record.generation);
    newest.map_or_else(|| Arc::clone(record), |newest| Arc::new((*newest).clone().with_newer_user_of(record)))
}
