//! The app's server, started directly.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::leash::Leash;
use crate::{Result, leptos, tool};

/// A first start makes a database and hashes passwords in an unoptimised build.
const START: Duration = Duration::from_mins(1);
/// Open streams are given this long to end.
const STOP: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    _leash: Leash,
}

impl Server {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends at once, or does not listen in time.
    pub fn start(mut command: Command) -> Result<Self> {
        let child = command.spawn().map_err(|error| tool::start_failure(&command, &error))?;
        let mut server = Self { _leash: Leash::tie(&child), child };
        let address = address();
        let started = Instant::now();
        while started.elapsed() < START {
            if let Some(status) = server.ended()? {
                return Err(format!("the server ended with {status}; what it wrote stands above"));
            }
            if TcpStream::connect_timeout(&address, PAUSE).is_ok() {
                return Ok(server);
            }
            thread::sleep(PAUSE);
        }
        server.stop()?;
        Err(format!("the server does not listen on {address} after {} s", START.as_secs()))
    }

    /// How the server ended, if it did.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn ended(&mut self) -> Result<Option<std::process::ExitStatus>> {
        self.child.try_wait().map_err(|error| format!("cannot watch the server: {error}"))
    }

    /// Asks the server to end, and ends it if it does not.
    ///
    /// # Errors
    ///
    /// When the system does not tell how it ended.
    pub fn stop(mut self) -> Result<()> {
        let started = Instant::now();
        if self.asked_to_end() {
            while started.elapsed() < STOP {
                if self.ended()?.is_some() {
                    return Ok(());
                }
                thread::sleep(PAUSE);
            }
        }
        // It may have ended by itself in this moment, which is just as well.
        let _ = self.child.kill();
        self.child.wait().map(|_| ()).map_err(|error| format!("cannot wait for the server: {error}"))
    }

    fn asked_to_end(&self) -> bool {
        let mut shell = Command::new("sh");
        shell.args(["-c", "kill \"$1\"", "stop"]).arg(self.child.id().to_string());
        cfg!(unix) && shell.status().is_ok_and(|status| status.success())
    }
}

/// Where the server is told to listen, as far as a variable says it.
fn address() -> SocketAddr {
    let chosen = std::env::var("VESTIBULE_LISTEN").ok().and_then(|address| address.parse().ok());
    let mut address = chosen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 3000)));
    // "All addresses" is no address to connect to.
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { [0, 0, 0, 0, 0, 0, 0, 1].into() });
    }
    address
}

/// Makes sure that the server can listen, before time is spent on building it.
///
/// # Errors
///
/// Names the address when something listens there already.
pub fn require_free_address() -> Result<()> {
    let address = address();
    if TcpStream::connect_timeout(&address, PAUSE).is_err() {
        return Ok(());
    }
    Err(format!("something listens on {address} already: end it, or set VESTIBULE_LISTEN to another address"))
}

/// Where people find the app.
pub fn url() -> String {
    std::env::var("VESTIBULE_PUBLIC_URL").unwrap_or_else(|_| format!("http://{}", address()))
}

/// The development server as `cargo leptos watch` starts it. Without `LEPTOS_WATCH`: nobody serves
/// the page's reload script yet.
pub fn development() -> Command {
    let mut command = Command::new(leptos::server("debug"));
    command.envs(leptos::VARIABLES.iter().copied()).env_remove("LEPTOS_WATCH");
    command
}
