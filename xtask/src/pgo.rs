//! `cargo xtask build --pgo`: the server compiled by a profile of itself at work (profile-guided optimisation).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::quick::{copy, fresh};
use crate::setup::rust;
use crate::tool::{self, Output};
use crate::{Result, bench, leptos, place, say};

/// The server that counts what it does, and where it writes that to.
const COUNTING: &str = "counting";
const COUNTS: &str = "counts";
/// The server that was compiled by what was counted.
const GUIDED: &str = "guided";
const PROFILE: &str = "server.profdata";

/// Compiles the server twice: one that counts, which is put to work, and the one by its counts.
///
/// # Errors
///
/// When part of the toolchain or a load generator is missing, or a build or the work fails.
pub fn build() -> Result<PathBuf> {
    let host = rust::host()?;
    let profdata = rust::ensure_profdata(&host)?;
    let (counts, profile) = (folder().join(COUNTS), folder().join(PROFILE));
    fresh(&counts)?;
    say::heading("A server that counts what it does");
    tool::run(compile(COUNTING, &host, &format!("-Cprofile-generate={}", counts.display())), &Output::Terminal)?;
    place_hashes(COUNTING, &host)?;
    say::heading("Its work");
    bench::train()?;
    let mut merge = Command::new(profdata);
    merge.args(["merge", "-o"]).arg(&profile).args(written(&counts)?);
    tool::run(merge, &Output::Terminal)?;
    say::heading("The server by these counts");
    tool::run(compile(GUIDED, &host, &format!("-Cprofile-use={}", profile.display())), &Output::Terminal)?;
    place_hashes(GUIDED, &host)?;
    Ok(guided())
}

/// Whether it can be done on this system, before anything is built.
///
/// # Errors
///
/// When it cannot.
pub fn check() -> Result<()> {
    if cfg!(target_os = "linux") {
        Ok(())
    } else {
        Err("`--pgo` needs the loads of the bench: run it on Linux".to_owned())
    }
}

/// The server that counts.
pub fn counting() -> PathBuf {
    rust::host().map_or_else(|_| PathBuf::new(), |host| program(COUNTING, &host))
}

/// The server that [`build`] made last.
pub fn guided() -> PathBuf {
    rust::host().map_or_else(|_| PathBuf::new(), |host| program(GUIDED, &host))
}

fn folder() -> PathBuf {
    place::target().join("pgo")
}

fn program(name: &str, host: &str) -> PathBuf {
    folder().join(name).join(host).join("release").join(place::executable(leptos::NAME))
}

/// Cargo adds the flag to those of `.cargo/config.toml`. With a target that is named it compiles build scripts and
/// macros without it.
fn compile(name: &str, host: &str, flag: &str) -> Command {
    let mut command = bench::server_build();
    command.arg(format!("--target={host}")).arg(format!("--target-dir={}", folder().join(name).display()));
    command.arg(format!("--config=build.rustflags=['{flag}']"));
    command
}

/// The list of the site's hashes lies beside the program.
fn place_hashes(name: &str, host: &str) -> Result<()> {
    let list = leptos::server("release").with_file_name(leptos::HASH_FILE);
    if !list.is_file() {
        return Ok(());
    }
    copy(&list, &program(name, host).with_file_name(leptos::HASH_FILE))
}

/// What the server wrote when it ended.
fn written(counts: &Path) -> Result<Vec<PathBuf>> {
    let files = fs::read_dir(counts).into_iter().flatten().flatten().map(|entry| entry.path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "profraw")).collect();
    if files.is_empty() { Err("the server has counted nothing: it was ended too early".to_owned()) } else { Ok(files) }
}
