//! Installs and builds what the bench runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::options::{Options, What};
use crate::setup::node;
use crate::tool::{self, Output};
use crate::{Result, leptos, place, say};

/// The Next.js peer's folder.
pub const NEXT: &str = "bench/next";
/// The programs that a distribution has, and the Debian packages they are in.
const PACKAGED: &[(&str, &str)] =
    &[("nginx", "nginx"), ("haproxy", "haproxy"), ("wrk", "wrk"), ("h2load", "nghttp2-client")];

/// Sees to it that everything is there.
///
/// # Errors
///
/// When something cannot be installed or built.
pub fn ensure(options: &Options) -> Result<()> {
    ensure_loads()?;
    if options.what == What::Time && options.has_peer("next") {
        next()?;
    }
    if !options.no_build {
        tool::run(server(), &Output::Terminal)?;
    }
    if leptos::server("release").is_file() {
        return Ok(());
    }
    Err("there is no release build of the server: leave out `--no-build`".to_owned())
}

/// Sees to it that the programs are there that make the loads, and the API.
///
/// # Errors
///
/// When one cannot be installed or built.
pub fn ensure_loads() -> Result<()> {
    packages()?;
    tool::run(own_programs(), &Output::Terminal)
}

/// One of the bench's own programs.
pub fn program(name: &str) -> PathBuf {
    target().join("release").join(place::executable(name))
}

fn target() -> PathBuf {
    place::target().join("bench")
}

fn packages() -> Result<()> {
    let missing = || PACKAGED.iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package);
    let names: Vec<&str> = missing().collect();
    if names.is_empty() {
        return Ok(());
    }
    if tool::find("apt-get").is_some() && is_root() {
        let mut apt = tool::command("apt-get");
        apt.args(["install", "--yes", "--no-install-recommends"]).args(&names);
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        tool::run(apt, &Output::Terminal)?;
        return Ok(());
    }
    Err(format!("install {} first, on Debian with: sudo apt-get install {}", names.join(", "), names.join(" ")))
}

/// Servers often lie where only root looks for programs.
pub fn find(program: &str) -> Option<PathBuf> {
    tool::find(program).or_else(|| Some(Path::new("/usr/sbin").join(program)).filter(|path| path.is_file()))
}

fn is_root() -> bool {
    let mut id = tool::command("id");
    id.arg("-u");
    tool::answer(id).is_some_and(|id| id == "0")
}

/// Installs and builds the Next.js peer, again when its lock file or its route is newer than the
/// last build.
fn next() -> Result<()> {
    let changed = |path: &str| Path::new(NEXT).join(path).metadata().and_then(|file| file.modified()).ok();
    let newest = changed("package-lock.json").max(changed("pages/api/proxy/[...path].js"));
    if changed(".next/BUILD_ID") >= newest && newest.is_some() {
        return Ok(());
    }
    say::note("building the Next.js peer: a download of 150 MB from npm the first time");
    let mut install = node::npm()?;
    install.args(["ci", "--no-audit", "--no-fund"]).current_dir(NEXT);
    tool::run(install, &Output::Terminal)?;
    let mut build = node::npm()?;
    build.args(["run", "build"]).current_dir(NEXT).env("NEXT_TELEMETRY_DISABLED", "1");
    tool::run(build, &Output::Terminal)
}

fn own_programs() -> Command {
    let mut command = tool::command("cargo");
    command.args(["build", "--release", "--locked", "--manifest-path=bench/Cargo.toml"]);
    command.arg(format!("--target-dir={}", target().display()));
    command
}

/// The server as cargo-leptos builds it, without the browser's half.
pub fn server() -> Command {
    let mut command = tool::command("cargo");
    command.args(["build", "--release", "--package=server", "--bin=vestibule", "--no-default-features"]);
    command.env("LEPTOS_OUTPUT_NAME", leptos::NAME);
    command
}
