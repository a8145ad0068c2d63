//! What `cargo deny` is asked.

use std::process::Command;

use crate::setup::network;
use crate::tool::{self, Output};
use crate::{place, say};

/// What can be checked with what lies here.
const LOCAL: [&str; 3] = ["bans", "licenses", "sources"];

/// Checks what is in `Cargo.lock` by `deny.toml`; for known weaknesses too, where their database can be had.
pub fn check() -> Command {
    let known_weaknesses = fetch_database();
    if !known_weaknesses {
        say::note("advisories: skipped, since their database at github.com cannot be fetched");
    }
    deny(&checks(known_weaknesses))
}

fn checks(known_weaknesses: bool) -> Vec<&'static str> {
    // The database was fetched a moment ago.
    let advisories: &[_] = if known_weaknesses { &["--disable-fetch", "advisories"] } else { &[] };
    [&["check", "--hide-inclusion-graph"], advisories, &LOCAL[..]].concat()
}

fn fetch_database() -> bool {
    network::reaches_github() && tool::run(deny(&["fetch", "db"]), &Output::Terminal).is_ok()
}

/// All packages of the workspace, and not only the root's.
fn deny(arguments: &[&str]) -> Command {
    let mut command = tool::command("cargo");
    command.args(["deny", "--workspace"]).args(arguments).current_dir(place::root());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_here_is_checked_without_a_network() {
        assert!(LOCAL.iter().all(|check| checks(false).contains(check) && checks(true).contains(check)));
        assert!(checks(true).contains(&"advisories") && !checks(false).contains(&"advisories"));
    }
}
