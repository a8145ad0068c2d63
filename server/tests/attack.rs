//! Attacks on the running server: black box, through a real socket.
//!
//! Each test is named for what the attacker wants, and fails when the attack succeeds. The defences of each area are in
//! `docs/security.md`.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "attack/advisory.rs"]
mod advisory;
#[path = "attack/api.rs"]
mod api;
#[path = "attack/call_limit.rs"]
mod call_limit;
#[path = "attack/connection.rs"]
mod connection;
#[path = "attack/environment.rs"]
mod environment;
#[path = "attack/login_guess.rs"]
mod login_guess;
#[path = "attack/markup.rs"]
mod markup;
#[path = "wire/program.rs"]
#[expect(dead_code, reason = "the wire tests use all of it")]
mod program;
#[path = "attack/script.rs"]
mod script;
#[path = "attack/session.rs"]
mod session;
#[path = "../../tests/support/mod.rs"]
#[expect(dead_code, reason = "the wire tests use all of it")]
mod support;
#[path = "attack/token_filter.rs"]
mod token_filter;
#[path = "attack/token_route.rs"]
mod token_route;
