//! Sessions: what they hold, how they are sealed and kept, how they are renewed and ended.

mod adopt;
mod cache;
mod cookie;
mod device;
mod ends;
mod event;
mod flight;
#[cfg(test)]
mod golden;
mod handle;
mod kept;
mod key;
mod known_browser;
mod live;
mod manager;
mod opened;
#[cfg(test)]
mod property;
mod record;
mod refresh;
mod resolve;
mod revoked;
mod rotation;
mod seal;
mod sealed;
mod store;
mod ticket;
mod watch;
mod write;

pub use cookie::{CookiePolicy, MAX_CHUNKS, MAX_COOKIE, TooLarge, is_own_cookie};
pub use device::OpenSession;
pub use ends::{SessionEnd, SessionEnds};
pub(crate) use event::events;
pub(crate) use handle::Found;
pub use handle::{Renewal, Session};
pub use key::{InvalidKey, Key};
pub(crate) use known_browser::{BrowserId, KnownBrowsers};
pub(crate) use manager::Sessions;
pub(crate) use record::BySession;
pub use record::{MAX_USER_AGENT, Record, SessionId, TimeLeft};
pub use seal::Sealer;
pub(crate) use write::Visit;

/// After how many seconds it makes sense to ask again for what cannot be told right now.
pub(crate) const RETRY_AFTER: u32 = 2;
/// What a person is told then.
pub(crate) const UNAVAILABLE: &str = "Your session cannot be checked right now. Try again in a moment.";
