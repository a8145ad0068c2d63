//! The project's commands: `cargo xtask help` lists them.
//!
//! This crate depends on nothing but the standard library, so that the first command a person types
//! is running a few seconds later.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks on its standard streams")]

mod bench;
mod count;
mod deny;
mod dev;
mod dist;
mod job;
mod leash;
mod leptos;
mod pgo;
mod place;
mod quick;
mod report;
mod say;
mod server;
mod setup;
mod start;
mod step;
mod stream;
mod test;
mod tool;
mod version;

use std::process::ExitCode;

/// What went wrong, as one sentence for the person at the terminal.
type Result<T> = std::result::Result<T, String>;

/// One `cargo xtask` command.
struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<()>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "dev",
        arguments: "[-- ARGS of `cargo leptos watch`]",
        about: "installs what is missing, then serves the app and rebuilds it on every change",
        run: dev::run,
    },
    Command {
        name: "test",
        arguments: "[--list] [--only STEP]...",
        about: "sets up everything and runs all checks and tests",
        run: test::run,
    },
    Command {
        name: "start",
        arguments: "[-- ARGS of the server]",
        about: "makes the release build and starts it",
        run: start::run,
    },
    Command {
        name: "build",
        arguments: "[--pgo]",
        about: "makes `dist/`: all that has to be copied to a server; `--pgo` for a faster one, after 15 more minutes",
        run: dist::run,
    },
    Command {
        name: "bench",
        arguments: "[memory] [--quick] [--rounds N] [--seconds S] [--no-build] [--case NAME]... [--peer NAME]...",
        about: "measures the proxy beside nginx, HAProxy, axum with reqwest, and Next.js",
        run: bench::run,
    },
    Command { name: "setup", arguments: "", about: "only installs what the other commands need", run: setup::run },
    Command { name: "help", arguments: "", about: "prints this list", run: help },
];

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = if arguments.is_empty() { "help".to_owned() } else { arguments.remove(0) };
    if arguments.first().is_some_and(|argument| argument == "--") {
        arguments.remove(0);
    }
    match dispatch(&name, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\nxtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(name: &str, arguments: &[String]) -> Result<()> {
    let name = if matches!(name, "-h" | "--help") { "help" } else { name };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Err(format!("there is no command `{name}`; `cargo xtask help` lists them"));
    };
    // Every path below is relative to the workspace, wherever the command was typed.
    std::env::set_current_dir(place::root()).map_err(|error| format!("cannot enter the project's folder: {error}"))?;
    (command.run)(arguments)
}

#[expect(clippy::unnecessary_wraps, reason = "has the shape of every command")]
fn help(_: &[String]) -> Result<()> {
    println!("The project's commands:\n");
    for command in COMMANDS {
        println!("  cargo xtask {:<6} {}", command.name, command.about);
        if !command.arguments.is_empty() {
            println!("  {:<18} {}", "", command.arguments);
        }
    }
    Ok(())
}

/// Refuses arguments for a command that takes none, so that a typing error is not passed over.
///
/// # Errors
///
/// Names the first argument.
fn no_arguments(arguments: &[String]) -> Result<()> {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => Err(format!("this command takes no `{argument}`")),
    }
}
