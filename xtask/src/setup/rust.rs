//! The parts of the Rust toolchain that rustup may have left out.

use std::path::PathBuf;

use crate::tool::{self, Output};
use crate::{Result, place};

const TARGET: &str = "wasm32-unknown-unknown";

/// The compile target of the browser's half.
///
/// # Errors
///
/// When it is missing and rustup cannot add it.
pub fn ensure_target(output: &Output) -> Result<String> {
    if !sysroot()?.join("lib/rustlib").join(TARGET).join("lib").is_dir() {
        rustup(&["target", "add", TARGET], output)?;
    }
    Ok(TARGET.to_owned())
}

/// rustfmt and clippy.
///
/// # Errors
///
/// When one is missing and rustup cannot add it.
pub fn ensure_components(output: &Output) -> Result<String> {
    let programs = sysroot()?.join("bin");
    let missing = |program| !programs.join(place::executable(program)).is_file();
    if missing("rustfmt") || missing("cargo-clippy") {
        rustup(&["component", "add", "rustfmt", "clippy"], output)?;
    }
    Ok("rustfmt, clippy".to_owned())
}

/// `llvm-profdata`, which merges profiles.
///
/// # Errors
///
/// When it is missing and rustup cannot add it.
pub fn ensure_profdata(host: &str) -> Result<PathBuf> {
    let programs = sysroot()?.join("lib/rustlib").join(host).join("bin");
    let program = programs.join(place::executable("llvm-profdata"));
    if !program.is_file() {
        rustup(&["component", "add", "llvm-tools"], &Output::Terminal)?;
    }
    Ok(program)
}

/// The name of this machine's own target, like `x86_64-unknown-linux-gnu`.
///
/// # Errors
///
/// When there is no compiler.
pub fn host() -> Result<String> {
    let mut command = tool::command("rustc");
    command.args(["--print", "host-tuple"]);
    tool::answer(command).ok_or_else(|| "`rustc` does not run: install Rust from https://rustup.rs".to_owned())
}

/// Where the toolchain of this project lies.
fn sysroot() -> Result<PathBuf> {
    let mut command = tool::command("rustc");
    command.args(["--print", "sysroot"]);
    tool::answer(command)
        .map(PathBuf::from)
        .ok_or_else(|| "`rustc` does not run: install Rust from https://rustup.rs".to_owned())
}

/// Runs rustup, which works on the toolchain that runs us.
fn rustup(arguments: &[&str], output: &Output) -> Result<()> {
    if tool::find("rustup").is_none() {
        return Err(format!(
            "part of the Rust toolchain is missing and there is no rustup to add it: run what stands for `rustup {}` on your system",
            arguments.join(" ")
        ));
    }
    let mut command = tool::command("rustup");
    command.args(arguments);
    tool::run(command, output)
}
