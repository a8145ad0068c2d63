//! How often somebody may try to log in, so that passwords cannot be guessed by trying.

use std::{fmt, net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use crate::config::LoginConfig;

/// After how many attempts the books are swept of keys that are quiet again.
const SWEEP_EVERY: usize = 1024;

/// Counts attempts by the client's address and by the account that is tried.
///
/// Each key may do a minute's worth at once and then gains its attempts back one by one. The account
/// counts as well as the address, since guesses at one account come from many addresses, and guesses
/// from one address go at many accounts.
pub(crate) struct Attempts {
    by_address: Option<DefaultKeyedRateLimiter<IpAddr>>,
    by_account: Option<DefaultKeyedRateLimiter<String>>,
}

impl Attempts {
    pub(crate) fn new(config: &LoginConfig) -> Self {
        Self {
            by_address: limiter(config.attempts_per_minute_per_address),
            by_account: limiter(config.attempts_per_minute_per_account),
        }
    }

    /// Counts one attempt.
    ///
    /// # Errors
    /// When it is one too many: how long to wait, rounded up to whole seconds.
    pub(crate) fn count(&self, client: Option<IpAddr>, account: &str) -> Result<(), Duration> {
        self.count_address(client)?;
        // The API may take `Ada@example.com` for `ada@example.com`, so here they are one.
        self.by_account.as_ref().map_or(Ok(()), |limiter| check(limiter, &account.trim().to_lowercase()))
    }
}

impl Attempts {
    /// Counts one attempt at no account in particular.
    ///
    /// # Errors
    /// As [`Attempts::count`].
    pub(crate) fn count_address(&self, client: Option<IpAddr>) -> Result<(), Duration> {
        match (&self.by_address, client) {
            (Some(limiter), Some(client)) => check(limiter, &network(client)),
            _ => Ok(()),
        }
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(per_minute: u32) -> Option<DefaultKeyedRateLimiter<K>> {
    NonZeroU32::new(per_minute).map(|count| RateLimiter::keyed(Quota::per_minute(count)))
}

fn check<K: std::hash::Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<(), Duration> {
    if limiter.len().is_multiple_of(SWEEP_EVERY) {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|refused| {
        let wait = refused.wait_time_from(limiter.clock().now());
        Duration::from_secs(wait.as_secs() + 1)
    })
}

/// One customer of IPv6 has a /64 at the least, so that is what counts there.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(address: u32, account: u32) -> Attempts {
        Attempts::new(&LoginConfig {
            attempts_per_minute_per_address: address,
            attempts_per_minute_per_account: account,
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_account_is_tried_so_often_from_anywhere() {
        let attempts = attempts(0, 3);
        for (number, account) in ["ada@example.com", "Ada@Example.com ", "ADA@example.com"].iter().enumerate() {
            assert_eq!(attempts.count(Some(ip(&format!("192.0.2.{number}"))), account), Ok(()));
        }
        let wait = attempts.count(Some(ip("192.0.2.9")), "ada@example.com").unwrap_err();
        assert!((1..=21).contains(&wait.as_secs()), "{wait:?}");
        assert_eq!(attempts.count(Some(ip("192.0.2.9")), "grace@example.com"), Ok(()));
    }

    #[test]
    fn one_address_tries_so_many_accounts() {
        let attempts = attempts(2, 0);
        assert_eq!(attempts.count(Some(ip("2001:db8::1")), "a"), Ok(()));
        assert_eq!(attempts.count(Some(ip("2001:db8::2")), "b"), Ok(()));
        assert!(attempts.count(Some(ip("2001:db8::3")), "c").is_err(), "the same /64");
        assert_eq!(attempts.count(Some(ip("2001:db8:0:1::3")), "d"), Ok(()));
        assert_eq!(attempts.count(None, "e"), Ok(()), "without an address only the account counts");
    }

    #[test]
    fn zero_is_no_limit() {
        let attempts = attempts(0, 0);
        assert!((0..1_000).all(|_| attempts.count(Some(ip("192.0.2.1")), "a").is_ok()));
    }

    #[test]
    fn forgets_the_quiet_ones() {
        let attempts = attempts(60_000, 60_000);
        for number in 0..20_000_u32 {
            let _ = attempts.count(None, &number.to_string());
        }
        assert!(attempts.by_account.unwrap().len() < 20_000);
    }
}
