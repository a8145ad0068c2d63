//! Ends a child process when this program ends, however it ends.
//!
//! Ctrl-C reaches the whole process group and needs no help. A signal sent to this program alone
//! would leave its children running, and catching signals takes more than the standard library
//! has. So a shell waits for the end of a pipe that only this program holds, then ends the child.

use std::process::Child;

#[cfg(unix)]
use std::process::{Command, Stdio};

/// Holds a child for as long as this value, or this program, lives.
#[derive(Debug)]
pub struct Leash {
    shell: Option<Child>,
}

impl Leash {
    /// Ties a child. Where there is no shell to do it, the child is only as safe as without.
    #[cfg(unix)]
    pub fn tie(child: &Child) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", "read -r line; kill \"$1\" 2>/dev/null", "leash"]).arg(child.id().to_string());
        let shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { shell: shell.ok() }
    }

    /// Elsewhere there is nothing to tie a child with.
    #[cfg(not(unix))]
    pub fn tie(_: &Child) -> Self {
        Self { shell: None }
    }
}

impl Drop for Leash {
    /// The child has ended: its number may soon be another's, so the shell must not use it.
    fn drop(&mut self) {
        if let Some(shell) = &mut self.shell {
            // It may have ended with the terminal already.
            let _ = shell.kill();
            let _ = shell.wait();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_child_ends_with_the_pipe() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let mut leash = Leash::tie(&child);
        // What the end of this program does.
        drop(leash.shell.as_mut().and_then(|shell| shell.stdin.take()));
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn an_untied_child_goes_on() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        drop(Leash::tie(&child));
        assert_eq!(child.try_wait().unwrap(), None);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
