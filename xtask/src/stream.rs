//! Runs a command whose output is both shown and kept.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::{Result, say, tool};

/// How long to wait for the last output after the command has ended: a process that it left behind
/// may hold the pipe open for ever.
const LAST_OUTPUT: Duration = Duration::from_secs(5);

/// How a command ended, and all it wrote.
#[derive(Debug)]
pub struct Ending {
    pub success: bool,
    pub output: String,
}

type Bytes = Arc<Mutex<Vec<u8>>>;

/// Runs a command, shows what it writes as it writes it, and keeps it.
///
/// # Errors
///
/// When the command cannot be started.
pub fn run(mut command: Command) -> Result<Ending> {
    say::note(&format!("$ {}", tool::line(&command)));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| tool::start_failure(&command, &error))?;
    let kept = Bytes::default();
    let ended = [
        child.stdout.take().map(|pipe| copy(pipe, std::io::stdout(), &kept)),
        child.stderr.take().map(|pipe| copy(pipe, std::io::stderr(), &kept)),
    ];
    let status = child.wait().map_err(|error| format!("cannot wait for `{}`: {error}", tool::line(&command)))?;
    for pipe in ended.into_iter().flatten() {
        // An error says that the time is over or that the copying ended: either way, go on.
        let _ = pipe.recv_timeout(LAST_OUTPUT);
    }
    let output = String::from_utf8_lossy(&kept.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    Ok(Ending { success: status.success(), output })
}

/// Copies a pipe to one of our own streams and to `kept`, line by line, so that the lines of the
/// two streams are not mixed; the receiver hears when the pipe is closed.
fn copy(mut pipe: impl Read + Send + 'static, mut stream: impl Write + Send + 'static, kept: &Bytes) -> Receiver<()> {
    let kept = Arc::clone(kept);
    let (closed, receiver) = channel();
    thread::spawn(move || {
        let mut line = Vec::new();
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            // Shown at once, even half a line: a progress display lives on that. A closed terminal
            // is no reason to stop the tests.
            let _ = stream.write_all(&buffer[..length]).and_then(|()| stream.flush());
            line.extend_from_slice(&buffer[..length]);
            if let Some(end) = line.iter().rposition(|byte| *byte == b'\n') {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend(line.drain(..=end));
            }
        }
        kept.lock().unwrap_or_else(PoisonError::into_inner).extend(line);
        let _ = closed.send(());
    });
    receiver
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_streams_and_the_ending_are_kept() {
        let ending = run(shell("echo out; echo err >&2; exit 3")).unwrap();
        assert!(!ending.success);
        assert!(ending.output.contains("out\n") && ending.output.contains("err\n"), "{}", ending.output);
    }

    #[test]
    fn a_last_line_without_an_end_is_kept() {
        let ending = run(shell("printf '1 passed'")).unwrap();
        assert!(ending.success);
        assert_eq!(ending.output, "1 passed");
    }
}
