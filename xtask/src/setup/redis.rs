//! A Redis server, which the tests of the session stores start themselves.

use super::apt;
use crate::Result;
use crate::tool::Output;

/// The system's, else Debian's.
///
/// # Errors
///
/// Says what to install when there is none to be had.
pub fn ensure(output: &Output) -> Result<String> {
    apt::ensure("redis-server", "install Redis, https://redis.io/docs/install", output)
}
