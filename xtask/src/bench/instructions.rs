//! `cargo xtask bench instructions`: how many instructions the server spends on a request, counted by callgrind.
//!
//! Instructions in user space are the same in each run of the same program, whatever else the machine does, so they show
//! small differences that times hide. The kernel's work comes on top.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::case::Load;
use super::peer::Peer;
use super::process::command;
use super::stack::{Api, Running};
use crate::{Result, say, tool};

/// Requests before the count, so that connections are open and caches are filled.
const WARM_UP: u32 = 500;
const REQUESTS: u32 = 4_000;
const CONNECTIONS: &str = "16";

/// One request whose instructions are counted.
struct Probe {
    title: &'static str,
    path: &'static str,
    http2: bool,
    /// Whether the client says that it takes compressed responses.
    compressed: bool,
}

const PROBES: &[Probe] = &[
    Probe { title: "GET 200 B through the proxy", path: "/api/proxy/note", http2: false, compressed: false },
    Probe { title: "the same, compressed with gzip", path: "/api/proxy/note", http2: false, compressed: true },
    Probe { title: "GET 200 B, HTTP/2", path: "/api/proxy/note", http2: true, compressed: false },
    Probe { title: "GET 100 KiB", path: "/api/proxy/large", http2: false, compressed: false },
    Probe { title: "GET 100 KiB, compressed with gzip", path: "/api/proxy/large", http2: false, compressed: true },
    Probe { title: "GET /api/session", path: "/api/session", http2: false, compressed: false },
    Probe { title: "the home page", path: "/", http2: false, compressed: false },
];

/// Counts and prints the table, for the plain release build and, where there is one, the one compiled by a profile.
///
/// # Errors
///
/// When valgrind or h2load is missing, or a response is wrong.
pub fn run() -> Result<()> {
    if tool::find("valgrind").is_none() {
        return Err("install valgrind first, on Debian with: sudo apt-get install valgrind".to_owned());
    }
    let api = Api::start()?;
    let mut text = "| Request | Build | instructions |\n| --- | --- | ---: |\n".to_owned();
    for peer in [Peer::Vestibule, Peer::Guided].into_iter().filter(|peer| peer.is_there()) {
        say::heading(peer.title());
        let counts = api.folder.join(format!("{}.callgrind", peer.name()));
        // Dumps of an earlier run have the same names.
        dumps(&counts).into_iter().try_for_each(fs::remove_file).map_err(|error| error.to_string())?;
        let server = Running::start(peer, &api, |server| under_callgrind(server, &counts))?;
        for probe in PROBES {
            let count = count(&server, probe, &counts)?;
            say::note(&format!("{}: {count}", probe.title));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {} | {} | {count} |", probe.title, peer.title());
        }
    }
    println!("\n{text}");
    Ok(())
}

/// Has callgrind run the server, with one thread and logs as in production.
fn under_callgrind(server: &mut Command, counts: &Path) {
    let mut callgrind = command(Path::new("valgrind"));
    callgrind.args(["--tool=callgrind", "--quiet"]).arg(format!("--callgrind-out-file={}", counts.display()));
    // The server itself is what the shell of `command` is told to start.
    callgrind.args(server.get_args().skip(3)).env("VESTIBULE_THREADS", "1");
    for (name, value) in server.get_envs() {
        match value {
            Some(value) => callgrind.env(name, value),
            None => callgrind.env_remove(name),
        };
    }
    if let Some(folder) = server.get_current_dir() {
        callgrind.current_dir(folder);
    }
    *server = callgrind;
}

fn count(server: &Running, probe: &Probe, counts: &Path) -> Result<u64> {
    load(server, probe, WARM_UP)?;
    control(server, "--zero")?;
    load(server, probe, REQUESTS)?;
    let before = dumps(counts);
    control(server, "--dump")?;
    let dump = dumps(counts).into_iter().find(|path| !before.contains(path)).ok_or("callgrind wrote no counts")?;
    let text = super::read(&dump)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    let total: u64 = total.and_then(|total| total.trim().parse().ok()).ok_or("callgrind's counts have no total")?;
    Ok(total / u64::from(REQUESTS))
}

/// The files that callgrind has written so far: the name that it was given, a dot and a number.
fn dumps(counts: &Path) -> Vec<PathBuf> {
    let folder = counts.parent().and_then(|folder| folder.read_dir().ok());
    let entries = folder.into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.as_os_str().to_string_lossy().starts_with(&*counts.to_string_lossy())).collect()
}

fn control(server: &Running, order: &str) -> Result<()> {
    let mut control = tool::command("callgrind_control");
    control.arg(order).arg(server.id().to_string());
    tool::answer(control).map(|_| ()).ok_or_else(|| "callgrind_control does not reach the server".to_owned())
}

fn load(server: &Running, probe: &Probe, requests: u32) -> Result<()> {
    let mut h2load = command(Path::new("h2load"));
    h2load.args(["-t", "1", "-c", CONNECTIONS, "-n", &requests.to_string()]);
    if !probe.http2 {
        h2load.arg("--h1");
    }
    if probe.compressed {
        h2load.args(["-H", "Accept-Encoding: gzip"]);
    }
    let cookie = format!("Cookie: {}", server.cookie()?);
    h2load.args(["-H", &cookie, "-H", "Sec-Fetch-Site: same-origin"]);
    h2load.arg(format!("http://{}{}", server.address(Load::Get("/")), probe.path));
    let answer = tool::answer(h2load).ok_or("h2load failed")?;
    let all = format!("status codes: {requests} 2xx");
    if answer.contains(&all) { Ok(()) } else { Err(format!("{}: {answer}", probe.path)) }
}
