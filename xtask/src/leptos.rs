//! What `[[workspace.metadata.leptos]]` says and cargo-leptos makes of it, for the builds that run
//! before cargo-leptos is there. They use the same commands, folders and variables, so that
//! cargo-leptos finds everything compiled when it takes over.

use std::path::PathBuf;
use std::process::Command;

use crate::setup::trim;
use crate::{place, tool};

/// The name of the server program and of the scripts and styles.
pub const NAME: &str = "vestibule";
/// Relative to the workspace.
pub const SITE_ROOT: &str = "target/site";
/// Relative to the site.
pub const PKG: &str = "pkg";
/// Relative to the workspace.
pub const STYLE: &str = "style/main.css";
/// Relative to the workspace.
pub const ASSETS: &str = "public";
/// The default address of the server.
pub const ADDRESS: &str = "127.0.0.1:3000";
const RELOAD_PORT: &str = "3001";
/// Lies beside the server program.
pub const HASH_FILE: &str = "hash.txt";
const WASM: &str = "wasm32-unknown-unknown";

/// The variables with which `cargo leptos watch` compiles and starts the server.
pub const VARIABLES: &[(&str, &str)] = &[
    ("LEPTOS_OUTPUT_NAME", NAME),
    ("LEPTOS_SITE_ROOT", SITE_ROOT),
    ("LEPTOS_SITE_PKG_DIR", PKG),
    ("LEPTOS_SITE_ADDR", ADDRESS),
    ("LEPTOS_RELOAD_PORT", RELOAD_PORT),
    ("LEPTOS_HASH_FILE_NAME", HASH_FILE),
    HASHES_OFF,
];

/// File names carry no hash while developing: cargo-leptos computes hashes at the first build only,
/// so with them the browser would go on loading that first build after each change
/// (leptos-rs/cargo-leptos#271).
const HASHES_OFF: (&str, &str) = ("LEPTOS_HASH_FILES", "false");

/// File names carry a hash in a release, so that browsers may keep the files for good.
const HASHES_ON: (&str, &str) = ("LEPTOS_HASH_FILES", "true");

/// `cargo leptos watch`
pub fn watch() -> Command {
    let mut command = tool::command("cargo");
    command.args(["leptos", "watch"]).env(HASHES_OFF.0, HASHES_OFF.1);
    command
}

/// The release build, with a hash in each file's name, a compressed copy beside it, and a file for the
/// code of each page.
pub fn release_build() -> Command {
    let mut command = tool::command("cargo");
    command.args(["leptos", "build", "--release", "--precompress", "--split", "--lib-features=split"]);
    command.env(HASHES_ON.0, HASHES_ON.1);
    trim::put_before_wasm_opt(&mut command);
    command
}

/// The release build of the demo API's own program, which the browser tests start. The server is
/// named too, though it is built already: Cargo prepares crates for link-time optimisation by what
/// all programs of a build need of them, and would compile most of them again for this one alone.
pub fn demo_api_build() -> Command {
    let mut command = tool::command("cargo");
    command.args(["build", "--release", "--package=server", "--bin=vestibule", "--package=demo-api"]);
    command.args(["--bin=demo-api", "--no-default-features"]).env("LEPTOS_OUTPUT_NAME", NAME);
    command
}

/// Compiles the server as `cargo leptos watch` does.
pub fn server_build() -> Command {
    build(&["--package=server", "--bin=vestibule"])
}

/// Compiles the browser's half as `cargo leptos watch` does.
pub fn frontend_build() -> Command {
    let mut command = build(&["--package=frontend", "--lib"]);
    command.arg(format!("--target-dir={}", front_target().display())).arg(format!("--target={WASM}"));
    command
}

fn build(package: &[&str]) -> Command {
    let mut command = tool::command("cargo");
    command.arg("build").args(package).arg("--no-default-features");
    command.envs(VARIABLES.iter().copied()).env("LEPTOS_WATCH", "true");
    command
}

/// The target folder of the browser's half.
pub fn front_target() -> PathBuf {
    place::target().join("front")
}

/// What [`frontend_build`] makes.
pub fn frontend_wasm() -> PathBuf {
    front_target().join(WASM).join("debug/frontend.wasm")
}

/// The compiled server of a profile folder, `debug` or `release`.
pub fn server(profile: &str) -> PathBuf {
    place::target().join(profile).join(place::executable(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The constants above repeat what cargo-leptos reads from the manifest: a change there must not
    /// leave them behind.
    #[test]
    fn constants_match_the_manifest() {
        let manifest = std::fs::read_to_string(place::root().join("Cargo.toml")).unwrap();
        let (_, section) = manifest.split_once("[[workspace.metadata.leptos]]").unwrap();
        for (key, value) in [
            ("name", NAME),
            ("bin-package", "server"),
            ("bin-target", NAME),
            ("bin-exe-name", NAME),
            ("lib-package", "frontend"),
            ("site-root", SITE_ROOT),
            ("site-pkg-dir", PKG),
            ("site-addr", ADDRESS),
            ("style-file", STYLE),
            ("assets-dir", ASSETS),
            ("hash-file-name", HASH_FILE),
        ] {
            assert!(section.contains(&format!("\n{key} = \"{value}\"\n")), "{key} is not {value} in Cargo.toml");
        }
        assert!(section.contains(&format!("\nreload-port = {RELOAD_PORT}\n")));
        assert!(section.contains("\ndisable-erase-components = true\n"), "cargo-leptos would add flags of its own");
    }
}
