//! `HAProxy`, which the tests of many replicas start themselves.

use super::apt;
use crate::Result;
use crate::tool::Output;

/// The system's, else Debian's.
///
/// # Errors
///
/// Says what to install when there is none to be had.
pub fn ensure(output: &Output) -> Result<String> {
    apt::ensure("haproxy", "install HAProxy, https://www.haproxy.org", output)
}
