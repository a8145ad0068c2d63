//! Debian's packages, for what no other registry has.

use std::process::Command;

use crate::Result;
use crate::tool::{self, Output};

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
