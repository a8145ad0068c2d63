//! `[login]`: how often somebody may try to log in.

use serde::{Deserialize, Serialize};

/// How often somebody may try to log in. What is more is answered 429 with `Retry-After`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoginConfig {
    /// Attempts a minute from one client address (one /64 network with IPv6); 0 is no limit. Offices
    /// share an address, so it is not small.
    pub attempts_per_minute_per_address: u32,
    /// Attempts a minute at one account, from wherever; 0 is no limit.
    pub attempts_per_minute_per_account: u32,
}

impl Default for LoginConfig {
    fn default() -> Self {
        Self { attempts_per_minute_per_address: 60, attempts_per_minute_per_account: 10 }
    }
}
