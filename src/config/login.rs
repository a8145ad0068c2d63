//! `[login]`: the rate limits of logins and signups.

use serde::{Deserialize, Serialize};

/// The rate limits of logins and signups. Attempts beyond them get 429 with `Retry-After`.
///
/// An address is the client's IPv4 address, or its /64 network with IPv6. 0 means no limit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoginConfig {
    /// Attempts per minute from one address, at any accounts. Offices share an address, so the default is not small.
    /// Attempts of a browser that has logged in to the account before do not count.
    pub attempts_per_minute_per_address: u32,
    /// Attempts per minute at one account from one address, or by one browser that has logged in to the account before.
    pub attempts_per_minute_per_account: u32,
    /// Attempts per minute at one account from all addresses together, by browsers that have not logged in to it before.
    /// Much higher than the limit per address, or strangers could lock the owner out.
    pub stranger_attempts_per_minute_per_account: u32,
    /// The same per day, spread evenly once used up. It slows down long-running guessing from many addresses.
    pub stranger_attempts_per_day_per_account: u32,
    /// Signups per minute from one address.
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
    /// No limits, for tests and for servers behind another rate limiter.
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
