//! A Redis server, which the tests of the session stores start themselves.

use super::apt;
use crate::tool::{self, Output};
use crate::{Result, say};

const PROGRAM: &str = "redis-server";

/// The system's, else Debian's.
///
/// # Errors
///
/// Says what to install when there is none to be had.
pub fn ensure(output: &Output) -> Result<String> {
    if let Some(name) = find() {
        return Ok(name);
    }
    say::note("redis-server: none found; trying the system's packages");
    let installed = apt::install(&["redis-server"], output).ok().and_then(|()| find());
    installed.ok_or_else(|| "no redis-server: install Redis, https://redis.io/docs/install".to_owned())
}

fn find() -> Option<String> {
    tool::find(PROGRAM).map(|path| path.display().to_string())
}
