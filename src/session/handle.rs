//! The handle by which the rest of the server reads and changes the session of one request.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::extract::FromRequestParts;
use http::{HeaderValue, request::Parts};

use super::{live::Live, manager::Sessions, record::Record, refresh::Failed, ticket::Ticket};
use crate::secret::Secret;

/// The session of one request, put into its extensions by the session layer.
///
/// Handlers read it and say [`Session::start`] or [`Session::end`]; the layer writes the cookie when
/// the answer leaves. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Session(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    record: Option<Arc<Record>>,
    change: Change,
    /// The token was due, and the API could not be asked for the next one.
    unrenewed: bool,
    /// The store could not be asked.
    unavailable: bool,
    cookie: Cookie,
    /// Somebody wanted to know who is logged in.
    asked: bool,
    found: Option<Found>,
    /// What opens a session that was started by this request.
    ticket: Option<Ticket>,
    client: Option<IpAddr>,
    user_agent: Option<HeaderValue>,
    /// The `Cookie` fields of a request that may be a log-in.
    cookies: Vec<HeaderValue>,
    /// The `Set-Cookie` field that marks the browser as known, after a log-in.
    mark: Option<HeaderValue>,
}

/// Whose the request's cookie is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cookie {
    /// This server's, or there is none.
    #[default]
    Own,
    /// It cannot be opened here: it may be another server's.
    Foreign,
}

/// How the layer found a session.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) live: Arc<Live>,
    pub(crate) ticket: Option<Ticket>,
}

/// What the layer has to write into the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    #[default]
    None,
    /// That the person was here.
    Touch,
    /// New tokens.
    Renewed,
    /// A new content: a log-in, or a change of the user.
    Started,
    /// The removal of a cookie that is good for nothing.
    Remove,
    /// The end that the person asked for.
    LoggedOut,
}

/// What became of a session whose token the API refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The session has a newer token: [`Session::record`] has it. The call can be made again.
    Renewed,
    /// The session is over, or there is none: the API's 401 is the answer.
    Ended,
    /// There is no newer token right now, and may be one later: 503 with `Retry-After` is the answer.
    Unavailable,
    /// The token was renewed a moment ago. The API refuses something else, so its 401 is the answer, and the
    /// session goes on.
    Fresh,
}

/// A token that was renewed less than this ago, in seconds, is not renewed because of a 401: the API
/// means something else.
const FRESH: i64 = 10;

impl Session {
    /// A session as the layer found it.
    pub(crate) fn found(record: Arc<Record>, change: Change, found: Found) -> Self {
        Self::of(State { record: Some(record), change, found: Some(found), ..State::default() })
    }

    /// A session whose token was due for renewal while the API could not be asked.
    pub(crate) fn unrenewed(record: Arc<Record>, change: Change, found: Found) -> Self {
        Self::of(State { record: Some(record), change, unrenewed: true, found: Some(found), ..State::default() })
    }

    /// Nobody, with what is to be done about the cookie.
    pub(crate) fn nobody(change: Change) -> Self {
        Self::of(State { change, ..State::default() })
    }

    /// Nobody, with a cookie that may be another server's.
    pub(crate) fn foreign() -> Self {
        Self::of(State { cookie: Cookie::Foreign, ..State::default() })
    }

    /// Whether the request's cookie may be another server's.
    pub(crate) fn is_foreign(&self) -> bool {
        self.state().cookie == Cookie::Foreign
    }

    /// A session that cannot be found out while the store is down.
    pub(crate) fn unavailable() -> Self {
        Self::of(State { unavailable: true, ..State::default() })
    }

    fn of(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// Notes the client's address, as far as proxies that tell it are trusted.
    pub(crate) fn set_client(&self, client: Option<IpAddr>) {
        self.state().client = client;
    }

    /// The client's address, where the server knows it.
    pub fn client(&self) -> Option<IpAddr> {
        self.state().client
    }

    /// Notes what the client calls itself.
    pub(crate) fn set_user_agent(&self, user_agent: Option<HeaderValue>) {
        self.state().user_agent = user_agent;
    }

    /// What the client calls itself (RFC 9110 §10.1.5): the API is told at a log-in, so that its list
    /// of sessions can name the device.
    pub(crate) fn user_agent(&self) -> Option<HeaderValue> {
        self.state().user_agent.clone()
    }

    /// Notes the `Cookie` fields of a request that may be a log-in.
    pub(crate) fn set_cookies(&self, mut cookies: Vec<HeaderValue>) {
        // So that none is ever printed.
        for value in &mut cookies {
            value.set_sensitive(true);
        }
        self.state().cookies = cookies;
    }

    /// The `Cookie` fields of a request that may be a log-in.
    pub(crate) fn cookies(&self) -> Vec<HeaderValue> {
        self.state().cookies.clone()
    }

    /// Marks the browser as known with this answer.
    pub(crate) fn set_mark(&self, mark: Option<HeaderValue>) {
        self.state().mark = mark;
    }

    /// The `Set-Cookie` field that marks the browser as known, if it is to be.
    pub(crate) fn mark(&self) -> Option<HeaderValue> {
        self.state().mark.clone()
    }

    /// The current record; `None` for somebody who is not logged in.
    pub fn record(&self) -> Option<Arc<Record>> {
        let mut state = self.state();
        state.asked = true;
        state.record.clone()
    }

    /// Whether somebody is logged in.
    pub fn is_logged_in(&self) -> bool {
        self.record().is_some()
    }

    /// The person as JSON, when logged in.
    pub fn user(&self) -> Option<serde_json::Value> {
        self.record().map(|record| record.user_json())
    }

    /// Whether the store could not be asked, so that nobody knows who is logged in. The layer answers
    /// 503 then in place of a handler that wanted to know.
    pub fn is_unavailable(&self) -> bool {
        self.state().unavailable
    }

    /// Replaces the content: after a change of the user. A log-in is [`crate::Vestibule::log_in`].
    pub fn start(&self, mut record: Record) {
        let mut state = self.state();
        if let Some(former) = state.latest().filter(|former| former.id == record.id) {
            record.changes = former.changes.saturating_add(1);
        }
        state.record = Some(Arc::new(record));
        state.change = Change::Started;
    }

    /// Replaces what the session knows of the person, after a change of the account: but for any token in
    /// it. Does nothing for somebody who is not logged in.
    pub fn set_user(&self, user: &serde_json::Value) {
        if let Some(record) = self.latest() {
            let mut user = user.clone();
            let contract = self.with_found(|found| Some(found.sessions.upstream().contract().clone()));
            crate::user::strip(&mut user, &record.tokens(), contract.as_ref());
            self.start(Record { user: user.to_string(), ..(*record).clone() });
        }
    }

    /// Starts a session that a server keeps.
    pub(crate) fn begin(&self, record: Record, ticket: Option<Ticket>) {
        self.start(record);
        self.state().ticket = ticket;
    }

    /// Ends the session: the cookie is removed with this answer. Ending twice is the same as once.
    pub fn end(&self) {
        let mut state = self.state();
        state.record = None;
        state.change = Change::LoggedOut;
    }

    /// Says that the API answered 401 to `token`. That ends the session, unless it has a newer token
    /// by now, or the token merely could not be renewed in time: a failing API logs nobody out.
    ///
    /// [`Session::renew`] does better, where the call can wait.
    pub fn refused(&self, token: &Secret) {
        let mut state = self.state();
        let current = state.latest().is_some_and(|record| record.access_token == *token);
        if current && !state.unrenewed {
            state.record = None;
            state.change = Change::Remove;
        }
    }

    /// Whether a refused token can be renewed.
    pub(crate) fn can_renew(&self) -> bool {
        let state = self.state();
        state.found.is_some() && state.record.as_ref().is_some_and(|record| record.refresh_token.is_some())
    }

    /// Says that the API answered 401 to `token`, and gets a newer one where there can be one: all
    /// calls that were refused at the same time share one refresh.
    ///
    /// Only the API's refusal to renew ends the session, or its 401 when there is nothing to renew
    /// with.
    pub async fn renew(&self, token: &Secret) -> Renewal {
        let (record, found) = {
            let mut state = self.state();
            let Some(latest) = state.latest() else { return Renewal::Ended };
            if latest.access_token != *token {
                state.adopt(latest);
                return Renewal::Renewed;
            }
            if state.unrenewed {
                return Renewal::Unavailable;
            }
            let found = state.found.clone().filter(|_| latest.refresh_token.is_some());
            let Some(found) = found else {
                drop(state);
                self.refused(token);
                return Renewal::Ended;
            };
            (latest, found)
        };
        let age = found.sessions.clock().now() - record.issued_at;
        if record.generation > 0 && age < FRESH {
            return Renewal::Fresh;
        }
        let renewed = found.sessions.refresh(&record).await;
        let mut state = self.state();
        if renewed.is_ok() && found.sessions.has_ended(record.id) {
            // Logged out meanwhile.
            (state.record, state.change) = (None, Change::None);
            return Renewal::Ended;
        }
        match renewed {
            Ok(renewed) => {
                state.unrenewed = !renewed.is_usable_after(&record);
                state.adopt(renewed);
                if state.unrenewed { Renewal::Unavailable } else { Renewal::Renewed }
            }
            Err(Failed::Refused) => {
                drop(state);
                self.refused(token);
                Renewal::Ended
            }
            Err(Failed::Unavailable) => {
                state.unrenewed = true;
                Renewal::Unavailable
            }
        }
    }

    /// The newest record that is known, of which a late log-out ends the tokens.
    pub(crate) fn latest(&self) -> Option<Arc<Record>> {
        let mut state = self.state();
        state.asked = true;
        state.latest()
    }

    /// What the layer has to write, with the record to save.
    pub(crate) fn outcome(&self) -> (Change, Option<Arc<Record>>) {
        let state = self.state();
        (state.change, state.record.clone())
    }

    /// What opens the session: that of a new one, else that of the one that was found.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        let state = self.state();
        state.ticket.or_else(|| state.found.as_ref()?.ticket)
    }

    /// How the session was found, if one was.
    pub(crate) fn how_found(&self) -> Option<Found> {
        self.state().found.clone()
    }

    /// Whether somebody wanted to know what could not be found out.
    pub(crate) fn was_missed(&self) -> bool {
        let state = self.state();
        state.unavailable && state.asked
    }

    /// Looks at how the session was found, without a copy.
    pub(super) fn with_found<T>(&self, look: impl FnOnce(&Found) -> Option<T>) -> Option<T> {
        self.state().found.as_ref().and_then(look)
    }

    /// Goes on with a newer record, unless the session has ended meanwhile.
    pub(super) fn take_newer(&self, record: Arc<Record>) {
        let mut state = self.state();
        if state.record.as_ref().is_some_and(|own| own.id == record.id) {
            state.adopt(record);
        }
    }

    // A panic while the lock is held cannot leave half a state: each change is a few assignments.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The newest record of this session that is known.
    fn latest(&self) -> Option<Arc<Record>> {
        let own = self.record.as_ref()?;
        let latest = self.found.as_ref().map(|found| found.live.latest());
        latest.filter(|latest| latest.id == own.id && latest.version() > own.version()).or_else(|| Some(own.clone()))
    }

    fn adopt(&mut self, record: Arc<Record>) {
        self.record = Some(record);
        self.change = Change::Renewed;
    }
}

/// Never fails: without the session layer it is the session of somebody who is not logged in.
impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}
