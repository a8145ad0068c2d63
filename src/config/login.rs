//! `[login]`: how often somebody may try to log in or sign up.

use serde::{Deserialize, Serialize};

/// How often somebody may try to log in or sign up. What is more is answered 429 with `Retry-After`.
///
/// An address is the client's IPv4 address or its /64 network with IPv6. 0 is no limit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoginConfig {
    /// Attempts a minute from one address, at whatever accounts. Offices share an address, so it is not
    /// small. Attempts of a browser that has logged in to the account before do not count here.
    pub attempts_per_minute_per_address: u32,
    /// Attempts a minute at one account from one address, and of one browser that has logged in to the
    /// account before.
    pub attempts_per_minute_per_account: u32,
    /// Attempts a minute at one account from all addresses together, by browsers that have not logged in
    /// to it before. Much more than those from one address, or strangers would lock the owner out.
    pub stranger_attempts_per_minute_per_account: u32,
    /// The same for a day, spread evenly once they are used up: what slows down guesses from many
    /// addresses that go on and on.
    pub stranger_attempts_per_day_per_account: u32,
    /// Sign-ups a minute from one address.
    pub sign_ups_per_minute_per_address: u32,
}

impl Default for LoginConfig {
    fn default() -> Self {
        Self {
            attempts_per_minute_per_address: 60,
            attempts_per_minute_per_account: 10,
            stranger_attempts_per_minute_per_account: 100,
            stranger_attempts_per_day_per_account: 1_000,
            sign_ups_per_minute_per_address: 10,
        }
    }
}

impl LoginConfig {
    /// No limit at all: for tests, and where something in front of the server has limits of its own.
    pub fn unlimited() -> Self {
        Self {
            attempts_per_minute_per_address: 0,
            attempts_per_minute_per_account: 0,
            stranger_attempts_per_minute_per_account: 0,
            stranger_attempts_per_day_per_account: 0,
            sign_ups_per_minute_per_address: 0,
        }
    }
}
