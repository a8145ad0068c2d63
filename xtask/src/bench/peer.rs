//! Who is compared.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::build;
use super::case::Load;
use super::process::command;
use crate::{Result, leptos, pgo, place as folder};

/// One of those that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Nginx,
    Vestibule,
    /// Vestibule, compiled by a profile of itself.
    Guided,
    /// Vestibule, while that profile is made. It is not compared.
    Counting,
    Haproxy,
    Bare,
    Next,
}

/// All, in the order of the tables.
pub const ALL: &[Peer] = &[Peer::Nginx, Peer::Vestibule, Peer::Guided, Peer::Haproxy, Peer::Bare, Peer::Next];

/// Where a peer listens and what is behind it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub api: SocketAddr,
    pub listen: SocketAddr,
    /// For a peer that wants a port of its own for HTTP/2.
    pub listen_h2: SocketAddr,
}

impl Peer {
    /// The name on the command line and in the files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Vestibule => "vestibule",
            Self::Guided => "vestibule-pgo",
            Self::Counting => "vestibule-counting",
            Self::Haproxy => "haproxy",
            Self::Bare => "bare",
            Self::Next => "next",
        }
    }

    /// The name in the tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Vestibule => "Vestibule",
            Self::Guided => "Vestibule, PGO",
            Self::Counting => "Vestibule, counting",
            Self::Haproxy => "HAProxy",
            Self::Bare => "axum + reqwest",
            Self::Next => "Next.js",
        }
    }

    /// Whether it is this project's server.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Vestibule | Self::Guided | Self::Counting)
    }

    /// Whether it was built: `cargo xtask build --pgo` is not for everybody.
    pub fn is_there(self) -> bool {
        self != Self::Guided || pgo::guided().is_file()
    }

    /// Whether it can do this at all: an API route of Next.js has neither WebSockets nor HTTP/2, and
    /// the bare forwarder knows no upgrade.
    pub fn can(self, load: Load) -> bool {
        !matches!((self, load), (Self::Next, Load::Http2 { .. } | Load::WebSocket) | (Self::Bare, Load::WebSocket))
    }

    /// The address for a load.
    pub fn address(self, place: &Place, load: Load) -> SocketAddr {
        match (self, load) {
            (Self::Nginx, Load::Http2 { .. }) => place.listen_h2,
            _ => place.listen,
        }
    }

    /// The command that runs it in the foreground, with `run` as its folder.
    ///
    /// # Errors
    ///
    /// When its configuration cannot be written.
    pub fn command(self, place: &Place, run: &Path) -> Result<Command> {
        match self {
            Self::Nginx => {
                let file = configure("bench/nginx/nginx.conf", place, run)?;
                let mut nginx = command(&program("nginx"));
                nginx.arg("-p").arg(run).arg("-c").arg(file);
                Ok(nginx)
            }
            Self::Haproxy => {
                let file = configure("bench/haproxy/haproxy.cfg", place, run)?;
                let mut haproxy = command(&program("haproxy"));
                haproxy.args(["-db", "-f"]).arg(file);
                Ok(haproxy)
            }
            Self::Bare => {
                let mut bare = command(&build::program("bare"));
                bare.arg(place.listen.to_string()).arg(format!("http://{}", place.api));
                Ok(bare)
            }
            Self::Next => {
                let mut next = command(&program("node"));
                next.args(["node_modules/next/dist/bin/next", "start", "-H", "127.0.0.1", "-p"]);
                next.arg(place.listen.port().to_string()).current_dir(build::NEXT);
                next.env("API_URL", format!("http://{}", place.api)).env("NEXT_TELEMETRY_DISABLED", "1");
                Ok(next)
            }
            Self::Vestibule => Ok(vestibule(&leptos::server("release"), place, run)),
            Self::Guided => Ok(vestibule(&pgo::guided(), place, run)),
            Self::Counting => Ok(vestibule(&pgo::counting(), place, run)),
        }
    }
}

/// The server as it is installed: every guard and limit at its default, which is on.
fn vestibule(program: &Path, place: &Place, run: &Path) -> Command {
    let mut server = command(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VESTIBULE_") {
            server.env_remove(name);
        }
    }
    server.current_dir(run).env("VESTIBULE_DATA_DIR", run).env("VESTIBULE_LISTEN", place.listen.to_string());
    server.env("VESTIBULE_API__URL", format!("http://{}", place.api));
    server
}

fn program(name: &str) -> std::path::PathBuf {
    build::find(name).unwrap_or_else(|| name.into())
}

/// Fills in a configuration file.
fn configure(template: &str, place: &Place, run: &Path) -> Result<std::path::PathBuf> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let text = super::read(folder::root().join(template))?
        .replace("{{threads}}", &threads.to_string())
        .replace("{{run}}", &run.display().to_string())
        .replace("{{api}}", &place.api.to_string())
        .replace("{{listen_h2}}", &place.listen_h2.to_string())
        .replace("{{listen}}", &place.listen.to_string());
    let file = run.join(Path::new(template).file_name().unwrap_or_default());
    super::write(&file, &text)?;
    Ok(file)
}
