//! The project's own `trim`, which stands in for wasm-opt in a release build.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::quick::copy;
use crate::tool::{self, Output};
use crate::{Result, place};

const PACKAGE: &str = "trim";
/// What `trim` stands in for, and the variable that tells it where the real one is.
const WASM_OPT: (&str, &str) = ("wasm-opt", "WASM_OPT");

/// Compiles it, and puts it where cargo-leptos takes it for wasm-opt.
///
/// # Errors
///
/// When it cannot be compiled.
pub fn ensure(output: &Output) -> Result<String> {
    let mut build = tool::command("cargo");
    build.args(["build", "--quiet", "--package", PACKAGE]);
    tool::run(build, output)?;
    let folder = folder();
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let compiled = place::target().join("debug").join(place::executable(PACKAGE));
    copy(&compiled, &folder.join(place::executable(WASM_OPT.0)))?;
    Ok("compiled".to_owned())
}

/// Lets a build find `trim` when it looks for wasm-opt.
pub fn put_before_wasm_opt(build: &mut Command) {
    let folders = std::iter::once(folder()).chain(tool::search_path());
    if let (Some(real), Ok(path)) = (tool::find(WASM_OPT.0), env::join_paths(folders)) {
        build.env("PATH", path).env(WASM_OPT.1, real);
    }
}

fn folder() -> PathBuf {
    place::tools().join(PACKAGE)
}
