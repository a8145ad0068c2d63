//! The handle by which the rest of the server reads and changes the session of one request.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::record::Record;
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
    client: Option<IpAddr>,
}

/// What the layer has to write into the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    #[default]
    None,
    /// The record as it is now.
    Save,
    /// The removal of the cookie.
    Remove,
}

impl Session {
    /// A session as the layer found it.
    pub(crate) fn loaded(record: Option<Arc<Record>>, change: Change) -> Self {
        Self(Arc::new(Mutex::new(State { record, change, ..State::default() })))
    }

    /// A session whose token was due for renewal while the API could not be asked.
    pub(crate) fn unrenewed(record: Arc<Record>) -> Self {
        let record = Some(record);
        Self(Arc::new(Mutex::new(State { record, unrenewed: true, ..State::default() })))
    }

    /// Notes the client's address, as far as proxies that tell it are trusted.
    pub(crate) fn set_client(&self, client: Option<IpAddr>) {
        self.state().client = client;
    }

    /// The client's address, where the server knows it.
    pub fn client(&self) -> Option<IpAddr> {
        self.state().client
    }

    /// The current record; `None` for somebody who is not logged in.
    pub fn record(&self) -> Option<Arc<Record>> {
        self.state().record.clone()
    }

    /// Whether somebody is logged in.
    pub fn is_logged_in(&self) -> bool {
        self.state().record.is_some()
    }

    /// The person as JSON, when logged in.
    pub fn user(&self) -> Option<serde_json::Value> {
        self.record().map(|record| record.user_json())
    }

    /// Replaces the content: after a log-in (a record with a fresh id) or a change of the user.
    pub fn start(&self, record: Record) {
        let mut state = self.state();
        state.record = Some(Arc::new(record));
        state.change = Change::Save;
    }

    /// Ends the session: the cookie is removed with this answer. Ending twice is the same as once.
    pub fn end(&self) {
        let mut state = self.state();
        state.record = None;
        state.change = Change::Remove;
    }

    /// Says that the API answered 401 to `token`. That ends the session, unless it has a newer token
    /// by now, or the token merely could not be renewed in time: a failing API logs nobody out.
    pub fn refused(&self, token: &Secret) {
        let mut state = self.state();
        let current = state.record.as_ref().is_some_and(|record| record.access_token == *token);
        if current && !state.unrenewed {
            state.record = None;
            state.change = Change::Remove;
        }
    }

    /// What the layer has to write, with the record to save.
    pub(crate) fn outcome(&self) -> (Change, Option<Arc<Record>>) {
        let state = self.state();
        (state.change, state.record.clone())
    }

    // A panic while the lock is held cannot leave half a state: each change is two assignments.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Never fails: without the session layer it is the session of somebody who is not logged in.
impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}
