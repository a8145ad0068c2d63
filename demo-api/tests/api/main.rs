//! The API as a client sees it: each test starts one of its own on a socket, with an empty folder.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod account;
mod attachment;
mod client;
mod crowd;
mod event;
mod harness;
mod login;
mod note;
mod note_list;
mod openapi;
mod ownership;
mod problem;
mod restart;
mod seed;
mod session;
mod user;
