//! Programs that their projects publish ready to run.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};

use super::cargo_tool::CargoTool;
use super::network;
use crate::tool::{self, Output};
use crate::{place, say};

/// Puts a published program into `home/bin`; false when that is not possible, whatever the reason:
/// the caller has another way.
pub fn install(wanted: &CargoTool, home: &Path, output: &Output) -> bool {
    if !network::reaches_github() {
        return false;
    }
    if tool::find("cargo-binstall").is_some() {
        return binstall(wanted, home, output);
    }
    archive(wanted).is_some_and(|address| {
        say::note(&format!("{} {}: downloading the published program", wanted.package, wanted.version));
        let folder = place::tools().join("download");
        let done = fetch(&address, &folder, output) && place_program(wanted.program, &folder, home);
        // What is left of it is in the way of nothing.
        let _ = fs::remove_dir_all(folder);
        done
    })
}

fn binstall(wanted: &CargoTool, home: &Path, output: &Output) -> bool {
    let mut command = tool::command("cargo");
    command.args(["binstall", "--no-confirm", "--disable-strategies", "compile", "--root"]).arg(home);
    command.arg(format!("{}@={}", wanted.package, wanted.version));
    tool::run(command, output).is_ok()
}

/// Where the archive of this system's program lies.
fn archive(wanted: &CargoTool) -> Option<String> {
    let version = wanted.version;
    let system = system(OS, ARCH)?;
    match wanted.program {
        "cargo-leptos" => Some(format!(
            "https://github.com/leptos-rs/cargo-leptos/releases/download/v{version}/cargo-leptos-{system}.tar.gz"
        )),
        "wasm-bindgen" => Some(format!(
            "https://github.com/wasm-bindgen/wasm-bindgen/releases/download/{version}/wasm-bindgen-{version}-{system}.tar.gz"
        )),
        "cargo-deny" => Some(format!(
            "https://github.com/EmbarkStudios/cargo-deny/releases/download/{version}/cargo-deny-{version}-{system}.tar.gz"
        )),
        _ => None,
    }
}

/// The projects name systems by target triple; the musl programs run on every Linux.
fn system(os: &str, architecture: &str) -> Option<&'static str> {
    match (os, architecture) {
        ("linux", "x86_64") => Some("x86_64-unknown-linux-musl"),
        ("linux", "aarch64") => Some("aarch64-unknown-linux-musl"),
        ("macos", "x86_64") => Some("x86_64-apple-darwin"),
        ("macos", "aarch64") => Some("aarch64-apple-darwin"),
        ("windows", "x86_64") => Some("x86_64-pc-windows-msvc"),
        _ => None,
    }
}

fn fetch(address: &str, folder: &Path, output: &Output) -> bool {
    if tool::find("curl").is_none() || tool::find("tar").is_none() || fs::create_dir_all(folder).is_err() {
        return false;
    }
    let file = folder.join("archive.tar.gz");
    let mut curl = tool::command("curl");
    curl.args(["--fail", "--silent", "--show-error", "--location", "--proto", "=https", "--connect-timeout", "5"]);
    curl.args(["--max-time", "300", "--output"]).arg(&file).arg(address);
    let mut tar = tool::command("tar");
    tar.arg("-xzf").arg(&file).arg("-C").arg(folder);
    tool::run(curl, output).and_then(|()| tool::run(tar, output)).is_ok()
}

/// Moves the program out of the archive's folder, whose name only its project knows.
fn place_program(program: &str, folder: &Path, home: &Path) -> bool {
    let name = place::executable(program);
    let Some(found) = folders_in(folder).into_iter().map(|folder| folder.join(&name)).find(|path| path.is_file())
    else {
        return false;
    };
    let programs = home.join("bin");
    fs::create_dir_all(&programs).and_then(|()| fs::copy(found, programs.join(name))).is_ok()
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.push(folder.to_path_buf());
    folders
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::cargo_tool::CARGO_LEPTOS;

    #[test]
    fn unknown_systems_have_no_archive() {
        assert_eq!(system("linux", "riscv64"), None);
        assert_eq!(system("linux", "x86_64"), Some("x86_64-unknown-linux-musl"));
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn the_archive_is_of_the_wanted_version() {
        let address = archive(&CARGO_LEPTOS).unwrap();
        let version = CARGO_LEPTOS.version;
        assert_eq!(
            address,
            format!(
                "https://github.com/leptos-rs/cargo-leptos/releases/download/v{version}/cargo-leptos-x86_64-unknown-linux-musl.tar.gz"
            )
        );
    }

    #[test]
    fn the_program_is_found_in_the_folder_of_the_archive() {
        let base = std::env::temp_dir().join(format!("xtask-prebuilt-{}", std::process::id()));
        let inner = base.join("download/tool-1.0-system");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join(place::executable("tool")), "program").unwrap();
        let placed = place_program("tool", &base.join("download"), &base.join("home"));
        let missing = place_program("other", &base.join("download"), &base.join("home"));
        let text = fs::read_to_string(base.join("home/bin").join(place::executable("tool"))).unwrap();
        fs::remove_dir_all(&base).unwrap();
        assert!(placed && !missing);
        assert_eq!(text, "program");
    }
}
