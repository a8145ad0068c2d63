//! Sessions through a real socket: the guard around a router of the application's own.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "session/cookie.rs"]
mod cookie_tests;
#[path = "session/hall.rs"]
mod hall;
#[path = "session/refresh.rs"]
mod refresh_tests;
mod support;
