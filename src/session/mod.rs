//! Sessions: their content, sealing, storage, refresh and end.

mod cache_control;
mod commit;
mod cookie;
mod decrypted_cookie_cache;
mod encrypted_cookie_cache;
mod end_notifier;
mod event;
mod extract;
#[cfg(test)]
mod golden;
mod handle;
mod in_flight;
mod known_browser;
mod manager;
mod open_sessions;
#[cfg(test)]
mod property;
mod record;
mod refresh;
mod resolve;
mod revoked_sessions;
mod rotated_tokens;
mod sealer;
mod session_token;
mod single_flight;
mod state;
mod store;
mod store_key;
mod ttl_cache;
mod unconfirmed_refreshes;

pub(crate) use commit::RequestContext;
pub use cookie::{CookiePolicy, MAX_CHUNKS, MAX_COOKIE, TooLarge};
pub use end_notifier::{SessionEndNotifier, SessionEndSubscription};
pub(crate) use event::event_stream;
pub use extract::{MissingSession, User, UserRejection};
pub(crate) use handle::ResolvedSession;
pub use handle::{RefreshOutcome, Session};
pub(crate) use known_browser::{BrowserId, KnownBrowsers};
pub(crate) use manager::SessionManager;
pub use open_sessions::OpenSession;
pub(crate) use record::BySession;
#[cfg(test)]
pub(crate) use record::tests::record;
pub use record::{MAX_USER_AGENT, Record, SessionId, TimeLeft};
pub use sealer::Sealer;

pub use crate::{
    cookie_name::is_own_cookie,
    key::{InvalidKey, Key},
};

/// The `Retry-After` of a response while the session store is unavailable, in seconds.
pub(crate) const RETRY_AFTER: u32 = 2;
/// The message to the user while the session store is unavailable.
pub(crate) const UNAVAILABLE: &str = "Your session cannot be checked right now. Try again in a moment.";
