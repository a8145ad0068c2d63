//! `cargo xtask start`

use std::process::Command;

use crate::tool::{self, Output};
use crate::{Result, leptos, say, setup};

/// Makes the release build with compressed copies of the site's files and gives this process over to
/// the server, with the arguments and the variables of the caller.
///
/// # Errors
///
/// When a tool is missing, the build fails or the server cannot be started.
pub fn run(arguments: &[String]) -> Result<()> {
    setup::for_release()?;
    say::heading("Release build");
    tool::run(leptos::release_build(), &Output::Terminal)?;
    say::heading("Starting the server");
    let mut server = Command::new(leptos::server("release"));
    server.args(arguments);
    tool::become_command(server)
}
