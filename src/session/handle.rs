//! [`Session`]: the handle by which handlers read and change the session of a request.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::HeaderValue;

use super::{
    in_flight::InFlightSession, manager::SessionManager, record::Record, session_token::SessionToken,
    single_flight::SessionRefreshError,
};
use crate::secret::Secret;

/// The session of one request, put into its extensions by the session layer.
///
/// Handlers read it and call [`Session::replace`] or [`Session::logout`]; the layer writes the cookie into the
/// response. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Session(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    record: Option<Arc<Record>>,
    change: Change,
    /// Whether the token was due for a refresh and the API was unavailable.
    refresh_unavailable: bool,
    /// Whether the store was unavailable.
    unavailable: bool,
    cookie_origin: CookieOrigin,
    /// Whether a handler has read the session.
    was_read: bool,
    resolved: Option<ResolvedSession>,
    /// The token of a session that this request has created.
    new_token: Option<SessionToken>,
    client: Option<IpAddr>,
    user_agent: Option<HeaderValue>,
    /// The `Cookie` headers of a request that may be a login.
    cookies: Vec<HeaderValue>,
    /// The `Set-Cookie` header that marks the browser as known, after a login.
    known_browser_cookie: Option<HeaderValue>,
}

/// Which server set the request's cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CookieOrigin {
    /// This server, or the request has no cookie.
    #[default]
    Own,
    /// Possibly another server: the cookie cannot be opened here.
    Foreign,
}

/// A session that the layer has resolved from the cookie of a request.
#[derive(Clone, Debug)]
pub(crate) struct ResolvedSession {
    pub(crate) sessions: Arc<SessionManager>,
    pub(crate) in_flight: Arc<InFlightSession>,
    pub(crate) token: Option<SessionToken>,
}

/// The change that the layer has to write into the response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Change {
    /// No change.
    #[default]
    None,
    /// Activity of the user.
    Touch,
    /// New tokens.
    Refreshed,
    /// New content: a login, or changed user data.
    Replaced,
    /// The removal of a useless cookie.
    RemoveCookie,
    /// A logout by the user.
    LoggedOut,
}

/// The outcome of [`Session::refresh`] after the API has refused a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The session has a newer token, in [`Session::record`]. The call can be repeated.
    Refreshed,
    /// The session has ended, or there is none: return the API's 401.
    Ended,
    /// There is no newer token now, but there may be one later: return 503 with `Retry-After`.
    Unavailable,
    /// The token was refreshed a moment ago. The 401 has another cause: return it. The session continues.
    TooRecent,
}

/// A token that was refreshed less than this many seconds ago is not refreshed because of a 401, which must have
/// another cause.
const MIN_REFRESH_INTERVAL: i64 = 10;

impl Session {
    /// A session that the layer has resolved.
    pub(crate) fn active(record: Arc<Record>, change: Change, resolved: ResolvedSession) -> Self {
        Self::of(State { record: Some(record), change, resolved: Some(resolved), ..State::default() })
    }

    /// A session whose token was due for a refresh while the API was unavailable.
    pub(crate) fn refresh_unavailable(record: Arc<Record>, change: Change, resolved: ResolvedSession) -> Self {
        Self::of(State {
            record: Some(record),
            change,
            refresh_unavailable: true,
            resolved: Some(resolved),
            ..State::default()
        })
    }

    /// No user is logged in; `change` says what to do about the cookie.
    pub(crate) fn anonymous(change: Change) -> Self {
        Self::of(State { change, ..State::default() })
    }

    /// No user is logged in, and the cookie may be another server's.
    pub(crate) fn with_foreign_cookie() -> Self {
        Self::of(State { cookie_origin: CookieOrigin::Foreign, ..State::default() })
    }

    /// Whether the request's cookie may be another server's.
    pub(crate) fn has_foreign_cookie(&self) -> bool {
        self.state().cookie_origin == CookieOrigin::Foreign
    }

    /// A session that cannot be resolved because the store is unavailable.
    pub(crate) fn unavailable() -> Self {
        Self::of(State { unavailable: true, ..State::default() })
    }

    fn of(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// Sets the client's address, as determined from trusted proxies.
    pub(crate) fn set_client(&self, client: Option<IpAddr>) {
        self.state().client = client;
    }

    /// The client's address, if the server knows it.
    pub fn client(&self) -> Option<IpAddr> {
        self.state().client
    }

    /// Sets the `User-Agent` of the client.
    pub(crate) fn set_user_agent(&self, user_agent: Option<HeaderValue>) {
        self.state().user_agent = user_agent;
    }

    /// The `User-Agent` of the client (RFC 9110 §10.1.5). It is sent to the API at a login, so that the API's list of
    /// sessions can name the device.
    pub(crate) fn user_agent(&self) -> Option<HeaderValue> {
        self.state().user_agent.clone()
    }

    /// Keeps the `Cookie` headers of a request that may be a login.
    pub(crate) fn set_cookies(&self, mut cookies: Vec<HeaderValue>) {
        // Keeps them out of `Debug` output.
        for value in &mut cookies {
            value.set_sensitive(true);
        }
        self.state().cookies = cookies;
    }

    /// The `Cookie` headers of a request that may be a login.
    pub(crate) fn cookies(&self) -> Vec<HeaderValue> {
        self.state().cookies.clone()
    }

    /// Sets the `Set-Cookie` header that marks the browser as known.
    pub(crate) fn set_known_browser_cookie(&self, cookie: Option<HeaderValue>) {
        self.state().known_browser_cookie = cookie;
    }

    /// The `Set-Cookie` header that marks the browser as known, if any.
    pub(crate) fn known_browser_cookie(&self) -> Option<HeaderValue> {
        self.state().known_browser_cookie.clone()
    }

    /// The current record; `None` if no user is logged in.
    pub fn record(&self) -> Option<Arc<Record>> {
        let mut state = self.state();
        state.was_read = true;
        state.record.clone()
    }

    /// Whether a user is logged in.
    pub fn is_logged_in(&self) -> bool {
        self.record().is_some()
    }

    /// The user as JSON; `None` if no user is logged in.
    pub fn user(&self) -> Option<serde_json::Value> {
        self.record().map(|record| record.user_json())
    }

    /// Whether the store is unavailable, so that the session is unknown. The layer then replaces the response of a
    /// handler that has read the session by a 503.
    pub fn is_unavailable(&self) -> bool {
        self.state().unavailable
    }

    /// Replaces the content of the session after a change of the user data. For a login, use
    /// [`crate::Vestibule::login`].
    pub fn replace(&self, mut record: Record) {
        let mut state = self.state();
        if let Some(former) = state.latest().filter(|former| former.id == record.id) {
            record.changes = former.changes.saturating_add(1);
        }
        state.record = Some(Arc::new(record));
        state.change = Change::Replaced;
    }

    /// Replaces the user data of the session after a change of the account, without any token in it. Does nothing if
    /// no user is logged in.
    pub fn set_user(&self, user: &serde_json::Value) {
        if let Some(record) = self.latest() {
            let mut user = user.clone();
            let contract = self.with_resolved(|resolved| Some(resolved.sessions.upstream().contract().clone()));
            crate::user::strip(&mut user, &record.tokens(), contract.as_ref());
            self.replace(Record { user: user.to_string(), ..(*record).clone() });
        }
    }

    /// Logs a user in: makes a new record the session, with its token if the store keeps it.
    pub(crate) fn login(&self, record: Record, token: Option<SessionToken>) {
        self.replace(record);
        self.state().new_token = token;
    }

    /// Ends the session: this response removes the cookie. Idempotent.
    pub fn logout(&self) {
        let mut state = self.state();
        state.record = None;
        state.change = Change::LoggedOut;
    }

    /// Notes that the API answered 401 to `token`. This ends the session, unless it has a newer token by now, or the
    /// token only could not be refreshed in time: an unavailable API logs no user out.
    ///
    /// Prefer [`Session::refresh`] where the call can wait.
    pub fn token_rejected(&self, token: &Secret) {
        let mut state = self.state();
        let current = state.latest().is_some_and(|record| record.access_token == *token);
        if current && !state.refresh_unavailable {
            state.record = None;
            state.change = Change::RemoveCookie;
        }
    }

    /// Whether a refused token can be refreshed.
    pub(crate) fn can_refresh(&self) -> bool {
        let state = self.state();
        state.resolved.is_some() && state.record.as_ref().is_some_and(|record| record.refresh_token.is_some())
    }

    /// Notes that the API answered 401 to `token`, and gets a newer one if possible. All calls that were refused at
    /// the same time share one refresh.
    ///
    /// The session ends only if the API refuses the refresh, or answers 401 to a session without a refresh token.
    pub async fn refresh(&self, token: &Secret) -> RefreshOutcome {
        let (record, resolved) = {
            let mut state = self.state();
            let Some(latest) = state.latest() else { return RefreshOutcome::Ended };
            if latest.access_token != *token {
                state.set_refreshed(latest);
                return RefreshOutcome::Refreshed;
            }
            if state.refresh_unavailable {
                return RefreshOutcome::Unavailable;
            }
            let resolved = state.resolved.clone().filter(|_| latest.refresh_token.is_some());
            let Some(resolved) = resolved else {
                drop(state);
                self.token_rejected(token);
                return RefreshOutcome::Ended;
            };
            (latest, resolved)
        };
        let age = resolved.sessions.clock().now() - record.issued_at;
        if record.generation > 0 && age < MIN_REFRESH_INTERVAL {
            return RefreshOutcome::TooRecent;
        }
        let refreshed = resolved.sessions.refresh(&record).await;
        let mut state = self.state();
        if refreshed.is_ok() && resolved.sessions.has_ended(record.id) {
            // A logout came in the meantime.
            (state.record, state.change) = (None, Change::None);
            return RefreshOutcome::Ended;
        }
        match refreshed {
            Ok(refreshed) => {
                state.refresh_unavailable = !refreshed.is_usable_after(&record);
                state.set_refreshed(refreshed);
                if state.refresh_unavailable { RefreshOutcome::Unavailable } else { RefreshOutcome::Refreshed }
            }
            Err(SessionRefreshError::Refused) => {
                drop(state);
                self.token_rejected(token);
                RefreshOutcome::Ended
            }
            Err(SessionRefreshError::Unavailable) => {
                state.refresh_unavailable = true;
                RefreshOutcome::Unavailable
            }
        }
    }

    /// The newest known record. A late logout revokes its tokens.
    pub(crate) fn latest(&self) -> Option<Arc<Record>> {
        let mut state = self.state();
        state.was_read = true;
        state.latest()
    }

    /// The change that the layer has to write, with the record to save.
    pub(crate) fn outcome(&self) -> (Change, Option<Arc<Record>>) {
        let state = self.state();
        (state.change, state.record.clone())
    }

    /// The session token: that of a new session, else that of the resolved one.
    pub(crate) fn token(&self) -> Option<SessionToken> {
        let state = self.state();
        state.new_token.or_else(|| state.resolved.as_ref()?.token)
    }

    /// The resolved session, if the request has one.
    pub(crate) fn resolved(&self) -> Option<ResolvedSession> {
        self.state().resolved.clone()
    }

    /// Whether a handler has read a session that is unknown because the store is unavailable.
    pub(crate) fn was_read_while_unavailable(&self) -> bool {
        let state = self.state();
        state.unavailable && state.was_read
    }

    /// Reads the resolved session without a copy.
    pub(super) fn with_resolved<T>(&self, read: impl FnOnce(&ResolvedSession) -> Option<T>) -> Option<T> {
        self.state().resolved.as_ref().and_then(read)
    }

    /// Continues with a newer record, unless the session has ended in the meantime.
    pub(super) fn update(&self, record: Arc<Record>) {
        let mut state = self.state();
        if state.record.as_ref().is_some_and(|own| own.id == record.id) {
            state.set_refreshed(record);
        }
    }

    // A panic while the lock is held cannot leave an inconsistent state: each change is a few assignments.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The newest known record of this session.
    fn latest(&self) -> Option<Arc<Record>> {
        let own = self.record.as_ref()?;
        let latest = self.resolved.as_ref().map(|resolved| resolved.in_flight.latest());
        latest.filter(|latest| latest.id == own.id && latest.version() > own.version()).or_else(|| Some(own.clone()))
    }

    fn set_refreshed(&mut self, record: Arc<Record>) {
        self.record = Some(record);
        self.change = Change::Refreshed;
    }
}
