//! Where things lie.

use std::env;
use std::path::{Path, PathBuf};

/// The workspace's folder.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// Cargo's target folder: `target`, or what `CARGO_TARGET_DIR` says.
pub fn target() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The folder of tools that belong to this clone alone.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// The site that the last build wrote: the scripts, styles and static files.
pub fn site() -> PathBuf {
    root().join(crate::leptos::SITE_ROOT)
}

/// Where `cargo install` puts programs for every clone, if the home folder is known.
pub fn cargo_bin() -> Option<PathBuf> {
    let home = match env::var_os("CARGO_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => env::home_dir()?.join(".cargo"),
    };
    Some(home.join("bin"))
}

/// The file name of a program on this system.
pub fn executable(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}
