//! Writes what became of a request's session into its answer.
//!
//! Answers of one browser overtake each other. The rule that keeps them in order: an answer never
//! writes an older record than this process knows, nor anything of a session that has ended
//! meanwhile, as a newer one may be in the browser by then.

use std::sync::Arc;

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::Response,
};

use super::{
    Session, cache, device,
    handle::Change,
    manager::{Sessions, session_name},
    record::Record,
    store::{Down, Replace},
    ticket::Ticket,
};

/// How long after its request an answer may still note the activity or remove a useless cookie, in
/// seconds. Whatever comes later might meet a cookie of another replica's making.
const PROMPT: i64 = 10;
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// One request, as the layer knows it.
pub(crate) struct Visit {
    pub(crate) session: Session,
    /// The session that the request came with.
    pub(crate) before: Option<Arc<Record>>,
    /// Its `Cookie` fields.
    pub(crate) cookies: Vec<HeaderValue>,
    /// When it came, in seconds since the epoch.
    pub(crate) at: i64,
    /// Whether a person looks at the answer, rather than a program.
    pub(crate) wants_page: bool,
}

impl Sessions {
    /// Writes what became of the session. What is rare and large in memory is boxed, so that all other
    /// requests do not carry it around.
    ///
    /// # Errors
    /// When a log-in cannot be kept because the store is down.
    pub(crate) async fn write(self: &Arc<Self>, visit: &Visit, response: &mut Response) -> Result<(), Down> {
        let (change, after) = visit.session.outcome();
        let ended_before = visit.before.as_ref().is_some_and(|before| self.has_ended(before.id));
        let values = match (change, &after) {
            (Change::LoggedOut, _) => {
                response.headers_mut().insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
                if visit.session.is_foreign() { Vec::new() } else { self.core.policy.remove(&visit.cookies) }
            }
            (Change::Remove, _) if !ended_before && (visit.before.is_some() || self.is_prompt(visit)) => {
                self.core.policy.remove(&visit.cookies)
            }
            (Change::Started, Some(record)) => {
                let mut values = Box::pin(self.start(visit, record)).await?;
                values.extend(visit.session.mark());
                values
            }
            (Change::Renewed | Change::Touch, Some(record)) if !self.has_ended(record.id) => {
                Box::pin(self.go_on(visit, change, record)).await
            }
            _ => Vec::new(),
        };
        // After the next one is kept: when that fails, the former session goes on.
        if let Some(before) = &visit.before
            && after.as_ref().is_none_or(|after| after.id != before.id)
            && !ended_before
        {
            Box::pin(self.replace(visit, change, before)).await;
        }
        let headers = response.headers_mut();
        for value in values {
            headers.append(header::SET_COOKIE, value);
        }
        if headers.contains_key(header::SET_COOKIE) {
            cache::forbid(headers);
        } else if visit.before.is_some() || after.is_some() {
            cache::mark_private(headers);
        }
        Ok(())
    }

    /// Ends a session in whose place is another one or none. Nobody but this server knows its tokens, so they end at
    /// the API as well, unless the API has refused them.
    async fn replace(self: &Arc<Self>, visit: &Visit, change: Change, before: &Arc<Record>) {
        let newest = visit.session.how_found().map_or_else(|| Arc::clone(before), |found| found.live.latest());
        self.end(before).await;
        if change != Change::Remove {
            self.revoke_later(newest);
        }
    }

    fn is_prompt(&self, visit: &Visit) -> bool {
        self.clock().now() - visit.at <= PROMPT
    }

    /// Keeps a new session, or a new content of the one there is.
    async fn start(self: &Arc<Self>, visit: &Visit, record: &Arc<Record>) -> Result<Vec<HeaderValue>, Down> {
        let is_same = visit.before.as_ref().is_some_and(|before| before.id == record.id);
        let record = &with_newest_tokens(visit, record);
        if is_same {
            self.learn(record);
        }
        let ticket = visit.session.ticket();
        let (Some(store), true) = (self.store(), self.is_server_side()) else {
            return Ok(self.cookies(visit, record, None));
        };
        let Some(ticket) = ticket.filter(|ticket| ticket.session() == record.id) else {
            tracing::error!(session = ?record.id, "a session without a ticket cannot be kept");
            return Ok(Vec::new());
        };
        let name = session_name(record.id);
        let rule = if is_same { Replace::SameOrOlder } else { Replace::OlderOrNone };
        let saved = store.save(&name, &self.seal(&name, record), rule, self.seconds_left(record)).await;
        if saved.is_err() && !is_same {
            // Nobody will ever use them.
            self.revoke_later(Arc::clone(record));
        }
        let kept = saved?;
        if let Some(person) = device::person_list(record).filter(|_| kept) {
            store.enlist(&person, &record.id.to_string(), self.seconds_to_the_end(record)).await?;
        }
        Ok(if kept { self.cookies(visit, record, Some(ticket)) } else { Vec::new() })
    }

    /// Writes new tokens, or that the person was here.
    async fn go_on(self: &Arc<Self>, visit: &Visit, change: Change, record: &Arc<Record>) -> Vec<HeaderValue> {
        let found = visit.session.how_found();
        let newest = found.map(|found| found.live.latest()).filter(|latest| latest.version() > record.version());
        let is_newer = newest.is_some();
        let record = newest.as_ref().unwrap_or(record);
        let ticket = visit.session.ticket();
        if self.is_server_side() {
            // New tokens were stored when they came.
            let current = change == Change::Renewed || is_newer || self.touch(record).await;
            return if current && self.is_prompt(visit) { self.cookies(visit, record, ticket) } else { Vec::new() };
        }
        if change == Change::Touch && !is_newer && (!self.is_prompt(visit) || self.is_soon_due(record)) {
            return Vec::new();
        }
        self.cookies(visit, record, None)
    }

    /// Notes in the store that the person was here; `false` when the session has gone from it.
    async fn touch(&self, record: &Record) -> bool {
        let Some(store) = self.store() else { return false };
        let name = session_name(record.id);
        let (sealed, ttl) = (self.seal(&name, record), self.seconds_left(record));
        store.save(&name, &sealed, Replace::SameOrOlder, ttl).await.unwrap_or(false)
    }

    /// Whether the token may be renewed, perhaps by another replica, before a prompt answer has
    /// reached the browser. The renewal notes the activity as well.
    fn is_soon_due(&self, record: &Record) -> bool {
        record.refresh_due(self.clock().now().saturating_add(2 * PROMPT))
    }

    /// The cookies that hold a session.
    fn cookies(self: &Arc<Self>, visit: &Visit, record: &Arc<Record>, ticket: Option<Ticket>) -> Vec<HeaderValue> {
        let value = ticket.map_or_else(|| self.cookie_value(record), |ticket| ticket.to_text().into());
        let max_age = record.persistent.then(|| self.seconds_left(record).max(0));
        self.core.policy.store(&value, max_age, &visit.cookies).unwrap_or_else(|error| {
            tracing::error!(%error, session = ?record.id, "the session cannot be kept: it ends");
            let (sessions, record) = (Arc::clone(self), Arc::clone(record));
            self.background().spawn(async move { sessions.end(&record).await });
            self.core.policy.remove(&visit.cookies)
        })
    }
}

/// A new content for a session whose tokens were renewed meanwhile has the new tokens.
fn with_newest_tokens(visit: &Visit, record: &Arc<Record>) -> Arc<Record> {
    let newest = visit.session.how_found().map(|found| found.live.latest());
    let newest = newest.filter(|newest| newest.id == record.id && newest.generation > record.generation);
    newest.map_or_else(|| Arc::clone(record), |newest| Arc::new((*newest).clone().with_content_of(record)))
}
