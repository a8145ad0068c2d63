//! The Vestibule server: the app's pages, the session and the proxy in front of a REST API.

mod assets;
mod body_limits;
mod check;
mod command;
mod connection;
mod connection_limit;
mod crawlers;
mod demo;
mod dispatch;
mod error_page;
mod file_limit;
mod huge_pages;
mod key_file;
mod listen;
mod pages;
mod request_body;
mod request_context;
mod router;
mod security_headers;
mod serve;
mod settings;
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
