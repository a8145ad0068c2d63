//! `cargo xtask bench`: the server beside its peers, under the same load in the same run.

mod account;
mod build;
mod case;
mod exchange;
mod instructions;
mod load;
mod memory;
mod options;
mod peer;
mod plot;
mod process;
mod result;
mod round;
mod stack;
mod table;
mod training;

use self::options::What;
pub use self::{build::server as server_build, training::train};
use crate::{Result, say};

/// Where tables and plots go, relative to the workspace.
const RESULTS: &str = "docs/bench";

/// Measures all peers in turn and saves the tables and plots; `memory` measures the server's memory, `instructions`
/// counts what a request costs it.
///
/// # Errors
///
/// When a peer cannot be installed or started, answers wrongly, or a file cannot be written.
pub fn run(arguments: &[String]) -> Result<()> {
    let options = options::Options::parse(arguments)?;
    if !cfg!(target_os = "linux") {
        return Err("the bench reads processor time from /proc: run it on Linux".to_owned());
    }
    say::heading("Programs");
    build::ensure(&options)?;
    match options.what {
        What::Time => round::run(&options),
        What::Memory => memory::run(&options),
        What::Instructions => instructions::run(),
    }
}

/// Reads a text file.
fn read(path: impl AsRef<std::path::Path>) -> Result<String> {
    let path = path.as_ref();
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Writes a text file and the folder it is in.
fn write(path: impl AsRef<std::path::Path>, text: &str) -> Result<()> {
    let path = path.as_ref();
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}
