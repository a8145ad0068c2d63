//! Stands in for `wasm-opt` in a release build: takes from each module what the browser never calls and what only
//! panics say, gives its imports short names, and then runs the real `wasm-opt`, which removes what is no longer reached.
//!
//! cargo-leptos runs the `wasm-opt` that it finds on its `PATH`, on each file that it has written.
//! `docs/adr/0010-what-nothing-calls-is-left-out.md` says why this is done, and what it gives.

#![expect(clippy::print_stderr, reason = "a command-line tool talks on its standard streams")]

mod name;
mod panic;
mod unused;

use std::{
    env,
    ffi::OsString,
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use walrus::ModuleConfig;

/// Says where the real one is.
const REAL: &str = "WASM_OPT";

type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match trim_input(&arguments).and_then(|()| optimize(&arguments)) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("trim: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The first file among the arguments is what is read; there is none when only the version is asked for.
fn trim_input(arguments: &[OsString]) -> Result<()> {
    let mut files = arguments.iter().map(Path::new).filter(|it| it.extension().is_some_and(|it| it == "wasm"));
    files.next().map_or(Ok(()), trim)
}

fn trim(file: &Path) -> Result<()> {
    let shown = file.display();
    let bytes = fs::read(file).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let mut module = ModuleConfig::new().parse(&bytes).map_err(|error| format!("cannot parse {shown}: {error}"))?;
    unused::empty(&mut module);
    panic::forget_places(&mut module);
    let script = file.with_extension("js");
    if script.is_file() {
        name::shorten(&mut module, &script)?;
    }
    fs::write(file, module.emit_wasm()).map_err(|error| format!("cannot write {shown}: {error}"))
}

fn optimize(arguments: &[OsString]) -> Result<ExitCode> {
    let real = env::var_os(REAL).ok_or_else(|| format!("{REAL} does not say where wasm-opt is"))?;
    let status = Command::new(&real).args(arguments).status();
    let status = status.map_err(|error| format!("cannot start {}: {error}", real.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
