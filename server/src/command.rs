//! The command line.

use std::{error::Error, io::Write, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use vestibule::{random::Random, session::Key};

/// A front door for REST APIs.
///
/// Settings come from `vestibule.toml` and from variables: `VESTIBULE_LISTEN`,
/// `VESTIBULE_PUBLIC_URL`, `VESTIBULE_API__URL`, `VESTIBULE_API__CONTRACT` and so on, section and
/// field joined by two underscores.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, about)]
pub(crate) struct CommandLine {
    /// The settings file [default: vestibule.toml, where there is one]
    #[arg(long, global = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server (what happens without a command)
    Serve,
    /// Print the resolved settings, try the API, and say what is wrong
    Check {
        /// Try to log in with this e-mail address; the password comes from `VESTIBULE_CHECK_PASSWORD`
        #[arg(long)]
        login: Option<String>,
    },
    /// Make a key for `session.keys`
    Keygen,
}

/// Prints a new session key.
pub(crate) fn keygen() -> Result<(), Box<dyn Error>> {
    let key = Key::random(&Random::system());
    writeln!(std::io::stdout(), "{}", key.to_base64())?;
    Ok(())
}

/// Says in one line what stopped the program.
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
    // Where even this cannot be written, the exit code says it.
    let _ = writeln!(std::io::stderr(), "{}", line.replace('\n', " "));
    ExitCode::FAILURE
}
