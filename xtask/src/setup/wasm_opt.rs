//! wasm-opt, which makes the release build's WebAssembly smaller.

use std::time::Instant;

use crate::tool::{self, Output};
use crate::version::Version;
use crate::{Result, place, say};

/// Older ones, as Linux distributions still ship them, refuse instructions that today's Rust emits.
const OLDEST: Version = Version(116, 0, 0);
const PACKAGE: &str = "binaryen@132.0.0";

/// wasm-opt from the system, else from npm into this clone's own tools.
///
/// # Errors
///
/// When npm is missing or fails.
pub fn ensure(output: &Output) -> Result<String> {
    if let Some(version) = fitting() {
        return Ok(version.0.to_string());
    }
    say::note(&format!("{PACKAGE}: makes the release build smaller; a download of 6 MB from npm"));
    let started = Instant::now();
    let mut npm = super::node::npm()?;
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(place::tools()).arg(PACKAGE);
    tool::run(npm, output)?;
    let version = fitting().ok_or("`wasm-opt --version` does not answer after it was installed")?;
    say::note(&format!("{PACKAGE}: installed in {}", say::duration(started.elapsed())));
    Ok(version.0.to_string())
}

fn fitting() -> Option<Version> {
    tool::version("wasm-opt").filter(|version| *version >= OLDEST)
}
