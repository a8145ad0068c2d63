//! Python packages of the APIs that the browser tests run against, each in an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tool::{self, Output};
use crate::version::Version;
use crate::{Result, say};

const OLDEST: Version = Version(3, 11, 0);
const UPSTREAMS: &str = "end2end/upstreams";
const REQUIREMENTS: &str = "requirements.txt";
/// What was installed last, within the environment.
const INSTALLED: &str = ".venv/installed.txt";

/// `python3`, once it is sure that it is new enough.
fn python() -> Result<Command> {
    let fits = |name: &&str| tool::version(name).is_some_and(|version| version >= OLDEST);
    let name = ["python3", "python"].into_iter().find(|name| fits(name));
    let advice = format!("Python {}.{} or newer is needed: https://www.python.org/downloads/", OLDEST.0, OLDEST.1);
    name.map(tool::command).ok_or(advice)
}

/// Installs the packages of every folder whose requirements changed since.
///
/// # Errors
///
/// When Python is missing, or its installer fails.
pub fn ensure_packages(output: &Output) -> Result<String> {
    let folders = folders();
    for folder in &folders {
        if !is_installed(folder) {
            say::note(&format!("installing the Python packages of {}", folder.display()));
            install(folder, output)?;
        }
    }
    let names: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    Ok(names.join(", "))
}

fn install(folder: &Path, output: &Output) -> Result<()> {
    let mut environment = python()?;
    environment.args(["-m", "venv", "--clear", ".venv"]).current_dir(folder);
    tool::run(environment, output)
        .map_err(|error| format!("{error} (on Debian and Ubuntu: apt install python3-venv)"))?;
    let own = program(folder);
    // The link itself: what it leads to is the system's Python, which would install there.
    let own = std::path::absolute(&own).map_err(|error| format!("{}: {error}", own.display()))?;
    let mut pip = Command::new(own);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "-r", REQUIREMENTS]);
    pip.current_dir(folder);
    tool::run(pip, output)?;
    fs::copy(folder.join(REQUIREMENTS), folder.join(INSTALLED))
        .map(|_| ())
        .map_err(|error| format!("cannot write {}: {error}", folder.join(INSTALLED).display()))
}

/// The environment's own Python.
fn program(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { ".venv/Scripts/python.exe" } else { ".venv/bin/python" })
}

/// Every folder with Python packages.
fn folders() -> Vec<PathBuf> {
    let upstreams = fs::read_dir(UPSTREAMS).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = upstreams.filter(|folder| folder.join(REQUIREMENTS).is_file()).collect();
    folders.sort();
    folders
}

fn is_installed(folder: &Path) -> bool {
    let wanted = fs::read(folder.join(REQUIREMENTS)).ok();
    program(folder).exists() && wanted.is_some() && fs::read(folder.join(INSTALLED)).ok() == wanted
}
