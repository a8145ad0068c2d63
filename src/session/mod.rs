//! Sessions: what they hold, how they are sealed into a cookie, how they are renewed and ended.

mod cookie;
mod ends;
mod handle;
mod key;
mod manager;
mod record;
mod refresh;
mod revoked;
mod seal;

pub use cookie::{CookiePolicy, MAX_CHUNKS, MAX_COOKIE, TooLarge};
pub use ends::{SessionEnd, SessionEnds};
pub(crate) use handle::Change;
pub use handle::Session;
pub use key::{InvalidKey, Key};
pub(crate) use manager::Sessions;
pub use record::{Record, SessionId};
