//! Installs what the commands need and the machine lacks.
//!
//! For each tool: one that is already there in a fitting version, else a prebuilt one, else one from
//! a package registry, else a sentence that says what to do.

pub mod apt;
pub mod caddy;
pub mod cargo_tool;
pub mod chromium;
pub mod haproxy;
pub mod network;
pub mod nginx;
pub mod node;
pub mod prebuilt;
pub mod python;
pub mod redis;
pub mod rust;
pub mod trim;
pub mod wasm_opt;

use std::time::Instant;

use crate::report::{Report, Row};
use crate::tool::Output;
use crate::{Result, place, say};

/// Something that has to be there.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    pub name: &'static str,
    /// Installs it when it is missing; answers what is there now.
    pub ensure: fn(&Output) -> Result<String>,
}

/// Parts of the Rust toolchain: quick, and every command needs them.
pub const TOOLCHAIN: &[Item] = &[
    Item { name: "wasm target", ensure: rust::ensure_target },
    Item { name: "rust components", ensure: rust::ensure_components },
];

/// What the release build needs.
pub const BUILD: &[Item] = &[
    Item { name: "wasm-opt", ensure: wasm_opt::ensure },
    Item { name: "trim", ensure: trim::ensure },
    Item { name: "wasm-bindgen", ensure: cargo_tool::ensure_wasm_bindgen },
    Item { name: "cargo-leptos", ensure: cargo_tool::ensure_cargo_leptos },
];

/// What takes long and only the last step of the tests needs.
pub const LAST: &[Item] = &[Item { name: "cargo-deny", ensure: cargo_tool::ensure_cargo_deny }];

/// What the wire tests need.
pub const WIRE: &[Item] = &[
    Item { name: "redis-server", ensure: redis::ensure },
    Item { name: "haproxy", ensure: haproxy::ensure },
    Item { name: "nginx", ensure: nginx::ensure },
    Item { name: "caddy", ensure: caddy::ensure },
    Item { name: "node", ensure: node::ensure },
];

/// What the browser tests need.
pub const BROWSER: &[Item] = &[
    Item { name: "node packages", ensure: node::ensure_packages },
    Item { name: "python packages", ensure: python::ensure_packages },
    Item { name: "chromium", ensure: chromium::ensure },
];

/// Sees to it that one item is there, and says what was found or done.
pub fn ensure(item: &Item, output: &Output) -> Row {
    let started = Instant::now();
    let result = (item.ensure)(output);
    match &result {
        Ok(found) => say::note(&format!("{}: {found} ({})", item.name, say::duration(started.elapsed()))),
        Err(message) => say::note(&format!("{}: FAILED: {message}", item.name)),
    }
    Row::new(item.name, result, started.elapsed())
}

/// Sees to all of these, and goes on after a failure so that one run shows everything that is missing.
pub fn ensure_all<'a>(items: impl IntoIterator<Item = &'a Item>, output: &Output) -> Report {
    items.into_iter().map(|item| ensure(item, output)).collect()
}

/// What the release build needs, for the commands that make one.
///
/// # Errors
///
/// When something is missing and cannot be installed.
pub fn for_release() -> Result<()> {
    say::heading("Tools");
    ensure_all(TOOLCHAIN.iter().chain(BUILD), &Output::Terminal).into_result()
}

/// `cargo xtask setup`
///
/// # Errors
///
/// When something is missing and cannot be installed.
pub fn run(arguments: &[String]) -> Result<()> {
    crate::no_arguments(arguments)?;
    say::heading("Tools");
    let report = ensure_all(TOOLCHAIN.iter().chain(WIRE).chain(BROWSER).chain(BUILD).chain(LAST), &Output::Terminal);
    report.print();
    report.into_result()
}

/// A fresh file for the output of work in the background.
///
/// # Errors
///
/// When the folder cannot be made.
pub fn log(name: &str) -> Result<Output> {
    let folder = place::tools();
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let path = folder.join(format!("{name}.log"));
    // An older log may be missing, or be kept if it cannot be removed: it is only added to.
    let _ = std::fs::remove_file(&path);
    Ok(Output::File(path))
}
