//! A session layer for REST APIs: the browser holds a sealed session cookie, never the API's token.
//!
//! Web apps tend to keep an access token where any script in the page can read it. This crate keeps it on the server
//! side of the page's own origin: a login puts the token into an `HttpOnly` cookie that only the server can open, and a
//! catch-all proxy turns that cookie into the `Authorization` header of each call to the API. This is a
//! backend-for-frontend, as described in RFC 10017, for axum.
//!
//! Start with [`Vestibule`]. It depends on axum but not on any pages, so that any axum or Leptos application can add it.
//!
//! | module | purpose |
//! | --- | --- |
//! | [`config`] | the settings and their defaults |
//! | [`contract`] | the API's login, refresh, logout and signup |
//! | [`api_client`] | the client of the API, which follows the contract |
//! | [`session`] | sessions: sealing, storage, refresh and end |
//! | [`proxy`] | forwards requests to the API with the session's token |
//! | [`same_origin`] | refuses cross-site requests |
//! | [`deadline`] | a timer that is re-armed often and rarely fires |
//! | [`return_to`] | safe redirect targets after a login |
//! | [`problem`] | the error responses to clients |

pub mod accept;
pub mod api_client;
mod background;
mod client_network;
pub mod clock;
pub mod config;
pub mod contract;
mod cookie_name;
pub mod deadline;
mod destination;
mod key;
mod login;
mod login_limit;
pub mod problem;
pub mod proxy;
pub mod random;
pub mod return_to;
pub mod route;
pub mod same_origin;
pub mod secret;
pub mod session;
mod token_fingerprint;
mod user;
mod vestibule;

/// Properties of private items, for `fuzz/`. Only in builds of cargo-fuzz (`--cfg fuzzing`).
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::proxy::http1_response;
}

pub use login::LoginOptions;
pub use vestibule::{BuildError, Vestibule};
