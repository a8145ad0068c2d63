//! Programs that run while the bench does.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::account::{self, Use};
use crate::leash::Leash;
use crate::{Result, tool};

const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// A running program; dropping it ends it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    _leash: Leash,
}

impl Process {
    /// Starts a program whose output goes to `log`, and waits until it listens on `address`.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends at once, or does not listen in time.
    pub fn start(mut command: Command, log: &Path, address: SocketAddr) -> Result<Self> {
        let failure = |error| format!("cannot write {}: {error}", log.display());
        let output = File::create(log).map_err(failure)?;
        command.stdin(Stdio::null()).stdout(output.try_clone().map_err(failure)?).stderr(output);
        let child = command.spawn().map_err(|error| tool::start_failure(&command, &error))?;
        let mut process = Self { _leash: Leash::tie(&child), child };
        let started = Instant::now();
        while started.elapsed() < START {
            if process.has_ended() {
                return Err(format!("`{}` has ended: {} says why", tool::line(&command), log.display()));
            }
            if TcpStream::connect_timeout(&address, PAUSE).is_ok() {
                return Ok(process);
            }
            thread::sleep(PAUSE);
        }
        Err(format!("`{}` does not listen on {address}: {} may say why", tool::line(&command), log.display()))
    }

    /// What it and its children have used so far.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn used(&self) -> Result<Use> {
        account::of(self.child.id())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    /// Asks it to end, so that it can end its own children, and ends it if it does not.
    fn drop(&mut self) {
        let mut shell = Command::new("sh");
        shell.args(["-c", "kill \"$1\"", "stop"]).arg(self.child.id().to_string());
        if !self.has_ended() && shell.status().is_ok_and(|status| status.success()) {
            let asked = Instant::now();
            while asked.elapsed() < STOP && !self.has_ended() {
                thread::sleep(PAUSE);
            }
        }
        // It may have ended by itself, which is just as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that may hold as many connections open as the system lets it.
pub fn command(program: &Path) -> Command {
    let mut shell = tool::command("sh");
    shell.args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$@\"", "bench"]).arg(program);
    shell
}

/// A free port of the loopback interface.
///
/// # Errors
///
/// When there is none.
pub fn free_address() -> Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("cannot find a free port: {error}"))
}
