//! The API and the peers in front of it, all running.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::account::Use;
use super::build;
use super::case::{Case, Load};
use super::exchange::{self, Answer};
use super::options::Options;
use super::peer::{ALL, Peer, Place};
use super::process::{Process, command, free_address};
use crate::quick::fresh;
use crate::{Result, place, say};

/// The API.
#[derive(Debug)]
pub struct Api {
    pub address: SocketAddr,
    /// The token that it wants.
    pub token: String,
    pub folder: PathBuf,
    _process: Process,
}

/// A peer in front of it.
#[derive(Debug)]
pub struct Running {
    pub peer: Peer,
    place: Place,
    process: Process,
    /// What the API wants.
    token: String,
}

impl Api {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When it does not start or its log-in fails.
    pub fn start() -> Result<Self> {
        let folder = place::target().join("bench/run");
        fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let address = free_address()?;
        let mut upstream = command(&build::program("upstream"));
        upstream.arg(address.to_string());
        let process = Process::start(upstream, &folder.join("upstream.log"), address)?;
        let answer = log_in(address, "/auth/login")?;
        let token = answer.body.split_once("\"access_token\":\"").and_then(|(_, rest)| rest.split('"').next());
        let token = token.ok_or("the API of the bench gives no token")?.to_owned();
        Ok(Self { address, token, folder, _process: process })
    }
}

/// Starts everybody who was asked for, and sees that each does its work.
///
/// # Errors
///
/// When one does not start, or answers wrongly.
pub fn start(api: &Api, options: &Options) -> Result<Vec<Running>> {
    let asked = ALL.iter().filter(|peer| options.has_peer(peer.name()) && peer.is_there());
    asked.map(|peer| Running::start(*peer, api, |_| {})).collect()
}

impl Running {
    /// Starts one, with `change` to its command.
    ///
    /// # Errors
    ///
    /// When it does not start, or answers wrongly.
    pub fn start(peer: Peer, api: &Api, change: impl FnOnce(&mut Command)) -> Result<Self> {
        let place = Place { api: api.address, listen: free_address()?, listen_h2: free_address()? };
        let run = api.folder.join(peer.name());
        fresh(&run)?;
        let mut command = peer.command(&place, &run)?;
        change(&mut command);
        let log = api.folder.join(format!("{}.log", peer.name()));
        let process = Process::start(command, &log, place.listen)?;
        let running = Self { peer, place, process, token: api.token.clone() };
        running.check()?;
        say::note(&format!("{} listens on {}", peer.title(), place.listen));
        Ok(running)
    }

    /// What a browser that is logged in sends as `Cookie`. Vestibule's is that of a fresh log-in: a browser, unlike a
    /// load generator, takes each newer cookie that an answer brings.
    ///
    /// # Errors
    ///
    /// When the log-in fails.
    pub fn cookie(&self) -> Result<String> {
        if self.peer.is_ours() {
            return Ok(log_in(self.place.listen, "/api/proxy/auth/login")?.cookies());
        }
        Ok(format!("session={}", self.token))
    }

    /// The API answers none but those with the token, so an answer proves that it was sent.
    fn check(&self) -> Result<()> {
        let cookie = self.cookie()?;
        let browser = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
        let answer = exchange::ask(self.place.listen, "GET", "/api/proxy/note", &browser, "")?;
        if answer.status == 200 && answer.body.contains("Shopping") {
            return Ok(());
        }
        Err(format!("{} answers {} to a request with the cookie", self.peer.title(), answer.status))
    }

    /// Where it takes this load.
    pub fn address(&self, load: Load) -> SocketAddr {
        self.peer.address(&self.place, load)
    }

    /// Whether it can take this case.
    pub fn can(&self, case: &Case) -> bool {
        self.peer.can(case.load)
    }

    /// What it has used so far.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn used(&self) -> Result<Use> {
        self.process.used()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

fn log_in(address: SocketAddr, path: &str) -> Result<Answer> {
    let origin = format!("http://{address}");
    let headers = [("Content-Type", "application/json"), ("Origin", &origin), ("Sec-Fetch-Site", "same-origin")];
    let credentials = r#"{"email":"ada@example.com","password":"vestibule-demo"}"#;
    let answer = exchange::ask(address, "POST", path, &headers, credentials)?;
    if matches!(answer.status, 200 | 201) {
        return Ok(answer);
    }
    Err(format!("the log-in at {address}{path} answers {}: {}", answer.status, answer.body))
}
