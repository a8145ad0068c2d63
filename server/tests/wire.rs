//! Tests of the server program through a real socket, with a stub API behind it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "deploy/certificate_authority.rs"]
#[expect(dead_code, reason = "the deploy tests use all of it")]
mod certificate_authority;
#[path = "wire/check.rs"]
mod check;
#[path = "wire/device.rs"]
mod device;
#[path = "wire/login.rs"]
mod login;
#[path = "wire/many_users.rs"]
mod many_users;
#[path = "wire/method.rs"]
mod method;
#[path = "wire/process.rs"]
mod process;
#[path = "wire/program.rs"]
mod program;
#[path = "wire/proxy.rs"]
mod proxy;
#[path = "wire/refresh.rs"]
mod refresh;
#[path = "wire/replica/mod.rs"]
mod replica;
#[path = "../../tests/support/mod.rs"]
mod support;
