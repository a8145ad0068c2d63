//! Caddy, which the tests of `deploy/` start themselves.

use super::apt;
use crate::Result;
use crate::tool::Output;

/// The system's, else Debian's.
///
/// # Errors
///
/// Says what to install when there is none to be had.
pub fn ensure(output: &Output) -> Result<String> {
    apt::ensure("caddy", "install Caddy, https://caddyserver.com/docs/install", output)
}
