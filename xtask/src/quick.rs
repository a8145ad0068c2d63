//! Serves the app before cargo-leptos is there, because compiling cargo-leptos takes longer than
//! all of the app. What is compiled here, cargo-leptos uses.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::job::Job;
use crate::server::{self, Server};
use crate::setup::cargo_tool::{CARGO_LEPTOS, CargoTool, wasm_bindgen};
use crate::tool::{self, Output};
use crate::{Result, leptos, place, say, setup};

const PAUSE: Duration = Duration::from_millis(500);
/// How often to say that the work in the background goes on.
const SIGN_OF_LIFE: Duration = Duration::from_mins(2);

/// Builds and serves the app until cargo-leptos is compiled.
///
/// # Errors
///
/// When the app does not build or start, or cargo-leptos cannot be compiled.
pub fn serve_until_ready(started: Instant) -> Result<()> {
    say::heading("cargo-leptos is not installed: building the app without it first");
    build()?;
    let server = Server::start(server::development())?;
    say::heading(&format!("The app is at {} (after {})", server::url(), say::duration(started.elapsed())));
    say::note("cargo-leptos, which rebuilds the app on every change, is compiled in the background now.");
    say::note("Until then changes are not picked up. Ctrl-C ends everything; the next start goes on from there.");
    wait_for_cargo_leptos(server)
}

/// Compiles both halves while wasm-bindgen, if missing, is compiled beside them.
fn build() -> Result<()> {
    let bindgen = wasm_bindgen()?;
    let output = setup::log("wasm-bindgen")?;
    let compiling = (!bindgen.is_ready()).then(|| Job::start(move || bindgen.compile(&output, tool::command)));
    say::heading("Compiling the server (the first time takes about 3 minutes on 2 cores)");
    tool::run(leptos::server_build(), &Output::Terminal)?;
    say::heading("Compiling the browser's half (the first time takes about 2 minutes on 2 cores)");
    tool::run(leptos::frontend_build(), &Output::Terminal)?;
    if let Some(job) = compiling {
        if !job.is_finished() {
            say::heading("Waiting for wasm-bindgen");
        }
        job.wait()??;
    }
    say::heading("Putting the site together");
    write_site(&bindgen)
}

/// Makes of the site what cargo-leptos makes of it, but for the single file of styles: the browser
/// resolves the imports of the separate ones itself.
fn write_site(bindgen: &CargoTool) -> Result<()> {
    let site = place::site();
    let pkg = site.join(leptos::PKG);
    if site.exists() {
        fs::remove_dir_all(&site).map_err(|error| format!("cannot empty {}: {error}", site.display()))?;
    }
    copy_folder(Path::new(leptos::ASSETS), &site)?;
    let style = Path::new(leptos::STYLE);
    copy_folder(style.parent().unwrap_or(style), &pkg)?;
    copy(style, &pkg.join(format!("{}.css", leptos::NAME)))?;
    let mut command = tool::command(bindgen.program);
    command.args(["--target=web", "--out-name", leptos::NAME, "--out-dir"]).arg(&pkg).arg(leptos::frontend_wasm());
    tool::run(command, &Output::Terminal)?;
    // The name under which Leptos asks for it.
    let (made, wanted) = (pkg.join(format!("{}_bg.wasm", leptos::NAME)), pkg.join(format!("{}.wasm", leptos::NAME)));
    fs::rename(&made, wanted).map_err(|error| format!("cannot rename {}: {error}", made.display()))
}

/// Makes an empty folder of this one, which need not be there.
///
/// # Errors
///
/// When it cannot be emptied or made.
pub fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("cannot empty {}: {error}", folder.display()))?;
    }
    fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))
}

/// Copies a folder and all in it; one that is not there is empty.
///
/// # Errors
///
/// When a file cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).map_err(|error| format!("cannot make {}: {error}", to.display()))?;
    for entry in fs::read_dir(from).into_iter().flatten() {
        let path = entry.map_err(|error| format!("cannot read {}: {error}", from.display()))?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// Copies a file, its permissions included.
///
/// # Errors
///
/// Names both files.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let failure = |error| format!("cannot copy {} to {}: {error}", from.display(), to.display());
    fs::copy(from, to).map(|_| ()).map_err(failure)
}

fn wait_for_cargo_leptos(mut server: Server) -> Result<()> {
    let output = setup::log(CARGO_LEPTOS.package)?;
    let job = Job::start(move || CARGO_LEPTOS.compile(&output, tool::patient_command));
    let started = Instant::now();
    let mut signs = 1;
    while !job.is_finished() {
        if let Some(status) = server.ended()? {
            return Err(format!("the server ended with {status}; `cargo xtask dev` goes on where this stopped"));
        }
        if started.elapsed() > SIGN_OF_LIFE * signs {
            signs += 1;
            say::note(&format!("cargo-leptos: compiling for {}", say::duration(started.elapsed())));
        }
        thread::sleep(PAUSE);
    }
    let result = job.wait()?;
    server.stop()?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_copied_whole_and_missing_ones_are_empty() {
        let base = std::env::temp_dir().join(format!("xtask-copy-{}", std::process::id()));
        fs::create_dir_all(base.join("from/inner")).unwrap();
        fs::write(base.join("from/inner/a.css"), "a").unwrap();
        copy_folder(&base.join("from"), &base.join("to")).unwrap();
        copy_folder(&base.join("missing"), &base.join("empty")).unwrap();
        let copied = fs::read_to_string(base.join("to/inner/a.css")).unwrap();
        let empty = fs::read_dir(base.join("empty")).unwrap().count();
        fs::remove_dir_all(&base).unwrap();
        assert_eq!((copied.as_str(), empty), ("a", 0));
    }
}
