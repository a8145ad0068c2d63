//! The command line.

use std::{error::Error, io::Write, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use vestibule::{random::Random, session::Key};

/// A front door for REST APIs.
///
/// Settings come from `vestibule.toml` and from environment variables such as `VESTIBULE_LISTEN`,
/// `VESTIBULE_PUBLIC_URL`, `VESTIBULE_API__URL` and `VESTIBULE_API__CONTRACT`, with section and key
/// joined by two underscores.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, about)]
pub(crate) struct CommandLine {
    /// The settings file [default: vestibule.toml, if it exists]
    #[arg(long, global = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server (the default)
    Serve,
    /// Print the resolved settings, try the API, and report what is wrong
    Check {
        /// Try to log in with this email address; the password comes from `VESTIBULE_CHECK_PASSWORD`
        #[arg(long)]
        login: Option<String>,
    },
    /// Print a new key for `session.keys`
    Keygen,
}

/// Prints a new session key.
pub(crate) fn keygen() -> Result<(), Box<dyn Error>> {
    let key = Key::random(&Random::system());
    writeln!(std::io::stdout(), "{}", key.to_base64())?;
    Ok(())
}

/// Prints the error and its causes in one line.
pub(crate) fn fail(error: &dyn Error) -> ExitCode {
    let mut line = format!("vestibule: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    // If even this cannot be written, the exit code reports the failure.
    let _ = writeln!(std::io::stderr(), "{}", line.replace('\n', " "));
    ExitCode::FAILURE
}
