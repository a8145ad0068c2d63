//! The steps of `cargo xtask test`.

use std::process::Command;

use crate::count::Runner;
use crate::setup::{chromium, node};
use crate::{deny, leptos, place, tool};

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub name: &'static str,
    pub about: &'static str,
    /// Tools and earlier steps without which it cannot run.
    pub needs: &'static [&'static str],
    pub command: fn() -> Command,
    /// Who runs the tests, if the step runs tests. Asked when the tools are there.
    pub runner: Option<fn() -> Runner>,
}

/// All steps, in order: what fails quickly comes first, except for what needs a tool that takes long.
pub const STEPS: &[Step] = &[
    Step { name: "format", about: "rustfmt", needs: &["rust components"], command: format, runner: None },
    Step {
        name: "clippy",
        about: "lints of everything for the server",
        needs: &["rust components"],
        command: clippy,
        runner: None,
    },
    Step {
        name: "clippy-wasm",
        about: "lints of what runs in the browser",
        needs: &["rust components", "wasm target"],
        command: clippy_wasm,
        runner: None,
    },
    Step {
        name: "docs",
        about: "the documentation builds, no link is broken",
        needs: &[],
        command: docs,
        runner: None,
    },
    Step {
        name: "tests",
        about: "unit and wire tests",
        needs: &["redis-server", "haproxy", "nginx", "caddy", "node"],
        command: tests,
        runner: Some(test_runner),
    },
    Step {
        name: "doc-tests",
        about: "the examples in the documentation",
        needs: &[],
        command: doc_tests,
        runner: Some(|| Runner::Libtest),
    },
    Step {
        name: "build",
        about: "the release build",
        needs: &["wasm target", "cargo-leptos", "wasm-bindgen", "wasm-opt", "trim"],
        command: leptos::release_build,
        runner: None,
    },
    Step {
        name: "demo-api",
        about: "the release build of the demo API's own program",
        needs: &["build"],
        command: leptos::demo_api_build,
        runner: None,
    },
    Step {
        name: "browser",
        about: "Playwright in Chromium against the release build",
        needs: &["node packages", "python packages", "chromium", "build", "demo-api"],
        command: browser,
        runner: Some(|| Runner::Playwright),
    },
    Step {
        name: "deny",
        about: "licences, sources and known weaknesses of the dependencies",
        needs: &["cargo-deny"],
        command: deny::check,
        runner: None,
    },
];

/// All packages for the server. The frontend is left out: it would switch on the app's browser
/// features in the same build.
const SERVER_SIDE: &[&str] = &["--workspace", "--exclude=frontend"];

/// A Cargo command that compiles Leptos as cargo-leptos does, so that the compiled crates are shared.
fn cargo(command_name: &str) -> Command {
    let mut command = tool::command("cargo");
    command.arg(command_name).env("LEPTOS_OUTPUT_NAME", leptos::NAME);
    command
}

fn format() -> Command {
    let mut command = cargo("fmt");
    command.args(["--all", "--check"]);
    command
}

fn clippy() -> Command {
    let mut command = cargo("clippy");
    command.args(SERVER_SIDE).args(["--all-targets", "--", "-D", "warnings"]);
    command
}

fn clippy_wasm() -> Command {
    let mut command = cargo("clippy");
    command.args(["--package=frontend", "--package=app", "--no-default-features", "--target=wasm32-unknown-unknown"]);
    command.arg(format!("--target-dir={}", leptos::front_target().display())).args(["--", "-D", "warnings"]);
    command
}

fn docs() -> Command {
    let mut command = cargo("doc");
    command.args(SERVER_SIDE).arg("--no-deps").env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn test_runner() -> Runner {
    if tool::find("cargo-nextest").is_some() { Runner::Nextest } else { Runner::Libtest }
}

fn tests() -> Command {
    let (name, arguments): (_, &[&str]) = match test_runner() {
        Runner::Nextest => ("nextest", &["run", "--no-fail-fast"]),
        _ => ("test", &["--lib", "--bins", "--tests", "--no-fail-fast"]),
    };
    let mut command = cargo(name);
    command.args(arguments).args(SERVER_SIDE);
    command
}

fn doc_tests() -> Command {
    let mut command = cargo("test");
    command.args(["--doc", "--no-fail-fast"]).args(SERVER_SIDE);
    command
}

fn browser() -> Command {
    let mut command = tool::command("npx");
    command.args(["playwright", "test"]).current_dir(node::TESTS);
    command.env(chromium::VARIABLE, chromium::find().unwrap_or_default());
    // By itself the runner takes what was built last, which may be a development build.
    let server = leptos::server("release");
    command.env("DEMO_API_BIN", server.with_file_name(place::executable("demo-api"))).env("VESTIBULE_BIN", server);
    command
}
