//! Node.js packages of the browser tests and of the APIs they run against.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tool::{self, Output};
use crate::version::Version;
use crate::{Result, say};

const OLDEST: Version = Version(20, 0, 0);

/// The folder of the browser tests.
pub const TESTS: &str = "end2end";
const UPSTREAMS: &str = "end2end/upstreams";

/// Node.js itself, as an upstream of the wire tests.
///
/// # Errors
///
/// Says which Node.js to install.
pub fn ensure(_: &Output) -> Result<String> {
    let found = tool::version("node").filter(|version| *version >= OLDEST).and_then(|_| tool::find("node"));
    found.map(|path| path.display().to_string()).ok_or_else(advice)
}

fn advice() -> String {
    format!("Node.js {} or newer and npm are needed: https://nodejs.org", OLDEST.0)
}

/// `npm`, once it is sure that a fitting Node.js is there.
///
/// # Errors
///
/// Says which Node.js to install.
pub fn npm() -> Result<Command> {
    let fits = tool::version("node").is_some_and(|version| version >= OLDEST);
    if fits && tool::find("npm").is_some() { Ok(tool::command("npm")) } else { Err(advice()) }
}

/// Installs the packages of every folder whose lock file changed since.
///
/// # Errors
///
/// When npm is missing or fails.
pub fn ensure_packages(output: &Output) -> Result<String> {
    let folders = folders();
    if folders.first().is_none_or(|folder| folder != Path::new(TESTS)) {
        return Err(format!("there is no {TESTS}/package-lock.json"));
    }
    for folder in &folders {
        if !is_installed(folder) {
            say::note(&format!("installing the Node packages of {}", folder.display()));
            let mut npm = npm()?;
            npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder);
            // The browser is another step, which can be told which one to use.
            npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
            tool::run(npm, output)?;
        }
    }
    let names: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    Ok(names.join(", "))
}

/// Every folder with Node packages, the browser tests first.
fn folders() -> Vec<PathBuf> {
    let upstreams = fs::read_dir(UPSTREAMS).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = upstreams.collect();
    folders.sort();
    folders.insert(0, PathBuf::from(TESTS));
    folders.retain(|folder| folder.join("package-lock.json").is_file());
    folders
}

/// npm notes what it installed in a file of its own, which is as new as the installation.
fn is_installed(folder: &Path) -> bool {
    let changed = |path: PathBuf| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let wanted = changed(folder.join("package-lock.json"));
    changed(folder.join("node_modules/.package-lock.json")).is_some_and(|installed| Some(installed) >= wanted)
}
