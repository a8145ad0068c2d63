//! Tools that are crates: cargo-leptos, wasm-bindgen and cargo-deny.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use super::prebuilt;
use crate::tool::{self, Output};
use crate::version::{self, Version};
use crate::{Result, place, say};

/// A program that a crate brings.
#[derive(Clone, Copy, Debug)]
pub struct CargoTool {
    /// The crate on crates.io.
    pub package: &'static str,
    /// The program in it.
    pub program: &'static str,
    /// The version to install.
    pub version: Version,
    /// The first version that is too new.
    before: Version,
    why: &'static str,
    /// How long compiling takes on two cores.
    compile_time: &'static str,
    /// What it spends its time in: the crates to optimise when it is compiled; all when there are none.
    hot: &'static [&'static str],
}

/// Settings of the release profile that compile quickly.
const QUICK_PROFILE: [(&str, &str); 3] = [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("STRIP", "symbols")];

/// The tool that builds both halves of the app and watches for changes. Later versions of 0.3 need a
/// newer Rust than `rust-toolchain.toml` names.
pub const CARGO_LEPTOS: CargoTool = CargoTool {
    package: "cargo-leptos",
    program: "cargo-leptos",
    version: Version(0, 3, 10),
    before: Version(0, 4, 0),
    why: "builds the app and watches for changes",
    compile_time: "about 10 minutes",
    hot: &[],
};

/// The tool that checks the dependencies by `deny.toml`.
pub const CARGO_DENY: CargoTool = CargoTool {
    package: "cargo-deny",
    program: "cargo-deny",
    version: Version(0, 20, 2),
    before: Version(0, 21, 0),
    why: "checks the dependencies",
    compile_time: "several minutes",
    hot: &[],
};

/// The tool that makes JavaScript bindings for the compiled app; it must have the very version of
/// the library in `Cargo.lock`.
///
/// # Errors
///
/// When `Cargo.lock` does not name that version.
pub fn wasm_bindgen() -> Result<CargoTool> {
    let lock = std::fs::read_to_string("Cargo.lock").map_err(|error| format!("cannot read Cargo.lock: {error}"))?;
    let version = version::locked(&lock, "wasm-bindgen").ok_or("Cargo.lock names no version of wasm-bindgen")?;
    Ok(CargoTool {
        package: "wasm-bindgen-cli",
        program: "wasm-bindgen",
        version,
        before: Version(version.0, version.1, version.2 + 1),
        why: "connects the compiled app with the browser",
        compile_time: "about 2 minutes",
        hot: &["gimli", "id-arena", "walrus", "wasm-bindgen-cli-support", "wasm-encoder", "wasmparser"],
    })
}

/// [`CARGO_LEPTOS`], by the quickest way there is.
///
/// # Errors
///
/// When no way works.
pub fn ensure_cargo_leptos(output: &Output) -> Result<String> {
    CARGO_LEPTOS.ensure(output, tool::command)
}

/// [`CARGO_DENY`], by the quickest way there is; other work goes first.
///
/// # Errors
///
/// When no way works.
pub fn ensure_cargo_deny(output: &Output) -> Result<String> {
    CARGO_DENY.ensure(output, tool::patient_command)
}

/// [`wasm_bindgen`], by the quickest way there is.
///
/// # Errors
///
/// When no way works.
pub fn ensure_wasm_bindgen(output: &Output) -> Result<String> {
    wasm_bindgen()?.ensure(output, tool::command)
}

impl CargoTool {
    fn ensure(&self, output: &Output, command: fn(&str) -> Command) -> Result<String> {
        if !self.is_ready() && !self.download(output) {
            self.compile(output, command)?;
        }
        Ok(tool::version(self.program).unwrap_or(self.version).to_string())
    }

    /// Whether a fitting version is there.
    pub fn is_ready(&self) -> bool {
        if self.fits() {
            return true;
        }
        // One of ours from before `Cargo.lock` changed must not hide the right one of Cargo's folder.
        std::fs::remove_file(self.own_program()).is_ok() && self.fits()
    }

    fn fits(&self) -> bool {
        tool::version(self.program).is_some_and(|version| (self.version..self.before).contains(&version))
    }

    /// Tries to get a prebuilt program; false when there is none to be had.
    pub fn download(&self, output: &Output) -> bool {
        let started = Instant::now();
        let home = self.home();
        if !prebuilt::install(self, &home, output) {
            return false;
        }
        if !self.is_ready() {
            // Made for another system than this one: away with it, or it would hide what is compiled.
            let _ = std::fs::remove_file(home.join("bin").join(place::executable(self.program)));
            return false;
        }
        self.say(&format!("downloaded in {}", say::duration(started.elapsed())));
        true
    }

    /// Compiles the program from crates.io, quickly rather than for speed. `command` makes the
    /// command that runs Cargo: [`tool::command`] or [`tool::patient_command`].
    ///
    /// # Errors
    ///
    /// When Cargo fails, or installs what cannot be run.
    pub fn compile(&self, output: &Output, command: fn(&str) -> Command) -> Result<()> {
        self.say(&format!("{}; compiling it takes {} on 2 cores", self.why, self.compile_time));
        let started = Instant::now();
        if let Err(message) = tool::run(self.install_command(command("cargo"), true), output) {
            say::note(&message);
            self.say("trying other versions of its dependencies than its authors did");
            tool::run(self.install_command(command("cargo"), false), output)?;
        }
        if !self.is_ready() {
            return Err(format!(
                "`{} --version` does not answer {} after it was installed",
                self.program, self.version
            ));
        }
        // A gigabyte that nobody needs any more; if it cannot be removed, `cargo clean` will.
        let _ = std::fs::remove_dir_all(self.work_folder());
        self.say(&format!("compiled in {}", say::duration(started.elapsed())));
        Ok(())
    }

    /// `locked` takes the versions that the tool was released with; a registry that is behind, or
    /// that withdrew one of them, cannot deliver those.
    fn install_command(&self, mut cargo: Command, locked: bool) -> Command {
        cargo.args(["install", self.package, "--version"]).arg(format!("={}", self.version));
        // Its own target folder survives an interruption, so that the next try goes on from there.
        cargo.arg("--target-dir").arg(self.work_folder());
        cargo.arg("--root").arg(self.home());
        if locked {
            cargo.arg("--locked");
        }
        // The other programs of the crate are for other uses. What is there already does not fit.
        cargo.args(["--bin", self.program, "--force"]);
        for (setting, value) in QUICK_PROFILE {
            cargo.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
        }
        let rest = if self.hot.is_empty() { "1" } else { "0" };
        cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", rest);
        for package in self.hot {
            let setting = format!("profile.release.package.{package}.opt-level=1");
            cargo.arg("--config").arg(setting);
        }
        cargo
    }

    /// Cargo's folder, so that plain `cargo leptos` works in every clone; but this clone's own when
    /// that one holds a version that someone else may need.
    fn home(&self) -> PathBuf {
        let shared = place::cargo_bin().and_then(|folder| folder.parent().map(PathBuf::from));
        shared.filter(|_| tool::find(self.program).is_none()).unwrap_or_else(place::tools)
    }

    fn work_folder(&self) -> PathBuf {
        place::tools().join("build").join(self.package)
    }

    fn own_program(&self) -> PathBuf {
        place::tools().join("bin").join(place::executable(self.program))
    }

    fn say(&self, text: &str) {
        say::note(&format!("{} {}: {text}", self.package, self.version));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_of_this_workspace_names_wasm_bindgen() {
        let lock = std::fs::read_to_string(place::root().join("Cargo.lock")).unwrap();
        assert!(version::locked(&lock, "wasm-bindgen").is_some_and(|version| version >= Version(0, 2, 100)));
    }
}
