//! A front door for REST APIs: the browser holds a sealed session cookie, never the API's token.
//!
//! Web apps tend to keep a login token where any script in the page can read it. This crate keeps it
//! on the server side of the page's own origin: a log-in puts the token into an `HttpOnly` cookie
//! that only the server can open, and a catch-all proxy turns that cookie into the `Authorization`
//! header of each call to the API. In the field's words it is a backend-for-frontend, as RFC 10017
//! describes it, for axum.
//!
//! [`Vestibule`] is where to start. It knows axum and no pages, so that any axum or Leptos
//! application can add it.
//!
//! | module | its job |
//! | --- | --- |
//! | [`config`] | what can be set, with the defaults |
//! | [`contract`] | what the API speaks: log-in, refresh, log-out, sign-up |
//! | [`upstream`] | speaks it |
//! | [`session`] | the session, sealed into a cookie, renewed and ended |
//! | [`proxy`] | forwards calls with the session's token |
//! | [`same_origin`] | refuses requests that other sites cause |
//! | [`alarm`] | limits that are met nearly always |
//! | [`return_to`] | where a log-in may lead |
//! | [`error`] | what a client sees when something fails |

pub mod alarm;
mod background;
mod client_network;
pub mod clock;
pub mod config;
pub mod contract;
mod destination;
pub mod error;
mod login;
mod login_limit;
pub mod proxy;
pub mod random;
pub mod return_to;
pub mod route;
pub mod same_origin;
pub mod secret;
pub mod session;
pub mod upstream;
mod token_fingerprint;
mod user;
mod vestibule;

/// Properties of private parts, for `fuzz/`. They exist only in builds of cargo-fuzz (`--cfg fuzzing`).
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::proxy::http1_response;
}

pub use login::LogInOptions;
pub use vestibule::{BuildError, Vestibule};
