//! The Vestibule server: the app's pages, the session, and the proxy, in front of a REST API.

mod assets;
mod census;
mod check;
mod command;
mod connection;
mod crawlers;
mod data;
mod demo;
mod front;
mod intake;
mod listen;
mod memory;
mod open_files;
mod pages;
mod refusal;
mod request_body;
mod router;
mod security;
mod serve;
mod settings;
mod subject;
mod telemetry;
mod worker;

use std::process::ExitCode;

use clap::Parser;

use crate::command::{Command, CommandLine};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let result = match line.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(line.config.as_deref()),
        Command::Check { login } => check::run(line.config.as_deref(), login.as_deref()),
        Command::Keygen => command::keygen(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => command::fail(error.as_ref()),
    }
}
