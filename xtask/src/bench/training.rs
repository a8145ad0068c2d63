//! The work by which a server is compiled with `--pgo`: all loads of the bench, and a page.

use super::case::CASES;
use super::peer::Peer;
use super::stack::{Api, Running};
use super::{build, load};
use crate::{Result, say};

/// How long each load goes on, in seconds.
const EACH: f64 = 3.0;

/// Puts the server to work that counts what it does.
///
/// # Errors
///
/// When a load generator is missing, or an answer is wrong.
pub fn train() -> Result<()> {
    build::ensure_loads()?;
    let api = Api::start()?;
    let server = Running::start(Peer::Counting, &api, |_| {})?;
    for case in CASES {
        say::note(case.title);
        load::measure(&server, case, EACH, &api.folder)?;
    }
    say::note("the home page");
    load::page(&server, EACH)
}
