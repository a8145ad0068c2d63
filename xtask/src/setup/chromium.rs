//! A browser for the browser tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{apt, node};
use crate::tool::{self, Output};
use crate::{Result, say};

/// The variable by which the tests are told which browser to use; empty for Playwright's own.
pub const VARIABLE: &str = "CHROMIUM_PATH";

const PROGRAMS: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MACOS: &[&str] = &[
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// The system's browser, else Playwright's, else Debian's.
///
/// # Errors
///
/// Says what to install when there is none to be had.
pub fn ensure(output: &Output) -> Result<String> {
    if let Some(variable) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(variable);
        return runs(&path)
            .then(|| path.display().to_string())
            .ok_or(format!("{VARIABLE} names {}, which does not run", path.display()));
    }
    if let Some(path) = find() {
        return Ok(path.display().to_string());
    }
    say::note("chromium: none found; downloading Playwright's, about 170 MB");
    if playwright_install(output).is_ok() {
        return Ok("Playwright's own".to_owned());
    }
    say::note("chromium: Playwright's cannot be downloaded; trying the system's packages");
    let installed = apt::install(&["chromium"], output).ok().and_then(|()| find());
    installed
        .map(|path| path.display().to_string())
        .ok_or_else(|| format!("no Chromium: install one, or set {VARIABLE} to the program of one"))
}

/// The browser the tests shall use, if it is not Playwright's own.
pub fn find() -> Option<PathBuf> {
    let chosen = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let known = PROGRAMS.iter().filter_map(|name| tool::find(name)).chain(MACOS.iter().map(PathBuf::from));
    chosen.or_else(|| known.into_iter().find(|path| runs(path)))
}

/// Some systems have a program of that name that only says how to install the browser.
fn runs(path: &Path) -> bool {
    let mut command = Command::new(path);
    command.arg("--version");
    path.is_file() && tool::answer(command).is_some()
}

fn playwright_install(output: &Output) -> Result<()> {
    node::npm()?;
    let mut command = tool::command("npx");
    command.args(["playwright", "install"]).current_dir(node::TESTS);
    if apt::is_available() {
        // The libraries that the browser is linked to.
        command.arg("--with-deps");
    }
    command.arg("chromium").env("PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT", "10000");
    tool::run(command, output)
}
