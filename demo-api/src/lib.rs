//! A REST API of its own origin, for the Vestibule app to stand in front of: people, log-in with
//! access and refresh tokens, notes, attachments, and live events, on axum and `SQLite`.
//!
//! It is a real API and not a mock: it knows no cookie, allows no cross-origin call, and wants its
//! token in `Authorization: Bearer`. `GET /openapi.json` describes it.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let api = demo_api::open(demo_api::Settings::new("data")).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! demo_api::serve(listener, api, std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

mod access_log;
mod api;
mod attachment;
mod auth;
mod clock;
mod database;
mod email;
mod error;
mod etag;
mod event;
mod extract;
mod field;
mod file;
mod note;
mod openapi;
mod password;
mod problem;
mod random;
mod route;
mod secret;
mod seed;
mod serve;
mod settings;
mod token;
mod user;

pub use crate::{
    api::{DemoApi, Environment, open, open_in},
    clock::{Clock, Timestamp},
    error::Error,
    password::HashError,
    random::Random,
    seed::{SEED_PASSWORD, SEED_PEOPLE, SeedPerson},
    serve::serve,
    settings::Settings,
};
