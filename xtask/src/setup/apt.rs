//! Debian's packages, for what no other registry has.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tool::{self, Output};
use crate::{Result, say};

/// A program that the wire tests start themselves: the system's, else Debian's package of that name.
///
/// # Errors
///
/// Says what to install when there is none to be had.
pub fn ensure(program: &str, advice: &str, output: &Output) -> Result<String> {
    let name = || find(program).map(|path| path.display().to_string());
    if let Some(name) = name() {
        return Ok(name);
    }
    say::note(&format!("{program}: none found; trying the system's packages"));
    let installed = install(&[program], output).ok().and_then(|()| name());
    installed.ok_or_else(|| format!("no {program}: {advice}"))
}

/// Debian has servers where only root's search path leads.
fn find(program: &str) -> Option<PathBuf> {
    let system = Path::new("/usr/sbin").join(program);
    tool::find(program).or_else(|| system.is_file().then_some(system))
}

/// Installs packages.
///
/// # Errors
///
/// When this is no Debian, or not root's session.
pub fn install(packages: &[&str], output: &Output) -> Result<()> {
    if !is_available() {
        return Err("no apt-get, or no right to use it".to_owned());
    }
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    for arguments in [&["update", "--quiet"][..], &[&install[..], packages].concat()] {
        let mut apt = tool::command("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        tool::run(apt, output)?;
    }
    Ok(())
}

/// Whether packages can be installed here.
pub fn is_available() -> bool {
    let mut id = Command::new("id");
    id.arg("-u");
    tool::find("apt-get").is_some() && tool::answer(id).as_deref() == Some("0")
}
