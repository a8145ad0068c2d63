//! Rate limits of logins and signups, against password guessing.
//!
//! A limit by account only would let strangers lock its owner out. So an attempt counts by address, by account and
//! address, and then by account in total, with a much higher limit. A browser that has logged in to the account before
//! has a separate bucket and counts in no other, so strangers cannot exhaust it.
//!
//! A successful login counts like any other. Otherwise a client with one account could call the API without limit.

mod account;
mod bucket;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    time::Duration,
};

pub(crate) use self::account::canonical_account;
use self::bucket::Buckets;
use crate::{client_network::ClientNetwork, clock::Clock, config::LoginConfig, session::BrowserId};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Counts login attempts and signups.
pub(crate) struct LoginRateLimiter {
    clock: Clock,
    /// Hashes keys to a fixed length. It is seeded, so that clients cannot cause collisions.
    hasher: RandomState,
    by_address: Buckets,
    /// By account and address, or by account and known browser.
    by_account: Buckets,
    strangers_by_minute: Buckets,
    strangers_by_day: Buckets,
    signups: Buckets,
}

/// One login attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoginAttempt<'a> {
    /// The client's address, if known. Without it, only the account counts.
    pub(crate) client: Option<IpAddr>,
    /// The account's name, normalized by [`canonical_account`].
    pub(crate) account: &'a str,
    /// The browser, if it has logged in to the account before.
    pub(crate) known: Option<BrowserId>,
}

impl LoginRateLimiter {
    pub(crate) fn new(config: &LoginConfig, clock: Clock) -> Self {
        Self {
            clock,
            hasher: RandomState::new(),
            by_address: Buckets::new(config.attempts_per_minute_per_address, MINUTE),
            by_account: Buckets::new(config.attempts_per_minute_per_account, MINUTE),
            strangers_by_minute: Buckets::new(config.stranger_attempts_per_minute_per_account, MINUTE),
            strangers_by_day: Buckets::new(config.stranger_attempts_per_day_per_account, DAY),
            signups: Buckets::new(config.sign_ups_per_minute_per_address, MINUTE),
        }
    }

    /// Counts one attempt. An attempt that one bucket refuses does not count in the following ones.
    ///
    /// # Errors
    /// If a limit is exceeded: the time to wait, rounded up to whole seconds.
    pub(crate) fn count_login(&self, attempt: LoginAttempt<'_>) -> Result<(), Duration> {
        let (account, now) = (attempt.account, self.clock.now());
        if let Some(browser) = attempt.known {
            return self.by_account.take(self.key(&(account, browser)), now);
        }
        if let Some(network) = attempt.client.map(ClientNetwork::from) {
            self.by_address.take(self.key(&network), now)?;
            self.by_account.take(self.key(&(account, network)), now)?;
        }
        self.strangers_by_minute.take(self.key(&account), now)?;
        self.strangers_by_day.take(self.key(&account), now)
    }

    /// Counts one attempt without an account.
    ///
    /// # Errors
    /// As [`Self::count_login`].
    pub(crate) fn count_address(&self, client: Option<IpAddr>) -> Result<(), Duration> {
        let Some(network) = client.map(ClientNetwork::from) else { return Ok(()) };
        self.by_address.take(self.key(&network), self.clock.now())
    }

    /// Counts one signup from `client`. Not counted without an address.
    ///
    /// # Errors
    /// As [`Self::count_login`].
    pub(crate) fn count_signup(&self, client: Option<IpAddr>) -> Result<(), Duration> {
        let Some(network) = client.map(ClientNetwork::from) else { return Ok(()) };
        self.signups.take(self.key(&network), self.clock.now())
    }

    fn key(&self, of: &impl std::hash::Hash) -> u64 {
        self.hasher.hash_one(of)
    }
}

impl fmt::Debug for LoginRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRateLimiter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: BrowserId = BrowserId::of([7; 16]);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn stranger(account: &str, client: impl Into<Option<IpAddr>>) -> LoginAttempt<'_> {
        LoginAttempt { client: client.into(), account, known: None }
    }

    fn many(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn one_address_is_limited_at_one_account_and_others_are_not() {
        let clock = Clock::manual(0);
        let limit = LoginRateLimiter::new(
            &LoginConfig { attempts_per_minute_per_account: 3, ..LoginConfig::default() },
            clock.clone(),
        );
        let guess = || limit.count_login(stranger("ada", ip("2001:db8::1")));
        assert!((0..3).all(|_| guess().is_ok()));
        assert_eq!(guess(), Err(Duration::from_secs(20)));
        assert_eq!(limit.count_login(stranger("ada", ip("2001:db8:0:1::1"))), Ok(()), "another address");
        assert_eq!(limit.count_login(stranger("grace", ip("2001:db8::2"))), Ok(()), "another account");
        clock.advance(20);
        assert_eq!(guess(), Ok(()));
        assert!(guess().is_err());
    }

    #[test]
    fn one_address_is_limited_at_all_accounts() {
        let config = LoginConfig { attempts_per_minute_per_address: 2, ..LoginConfig::default() };
        let limit = LoginRateLimiter::new(&config, Clock::manual(0));
        assert_eq!(limit.count_login(stranger("a", ip("192.0.2.1"))), Ok(()));
        assert_eq!(limit.count_login(stranger("b", ip("::ffff:192.0.2.1"))), Ok(()));
        assert!(limit.count_login(stranger("c", ip("192.0.2.1"))).is_err());
        assert_eq!(limit.count_login(stranger("c", ip("192.0.2.2"))), Ok(()));
        assert_eq!(limit.count_login(stranger("d", None)), Ok(()), "without an address, only the account counts");
    }

    /// With any number of addresses: at first a hundred guesses per minute, in the long run a thousand per day.
    #[test]
    fn all_strangers_together_are_slowed_down() {
        let clock = Clock::manual(0);
        let limit = LoginRateLimiter::new(&LoginConfig::default(), clock.clone());
        let mut guesses = 0;
        let mut passed_until = [0; 3];
        for day in passed_until.iter_mut().enumerate() {
            for _ in 0..24 * 60 {
                passed(&limit, &mut guesses, day.1);
                clock.advance(60);
            }
        }
        assert!((1_900..2_100).contains(&passed_until[0]), "{passed_until:?}");
        assert!(passed_until[1..].iter().all(|passed| (900..1_100).contains(passed)), "{passed_until:?}");
    }

    /// Makes attempts from two hundred new addresses.
    fn passed(limit: &LoginRateLimiter, guesses: &mut u32, passed: &mut u32) {
        for _ in 0..200 {
            *guesses += 1;
            *passed += u32::from(limit.count_login(stranger("ada", many(*guesses))).is_ok());
        }
    }

    #[test]
    fn a_known_browser_gets_in_whatever_strangers_do() {
        let limit = LoginRateLimiter::new(&LoginConfig::default(), Clock::manual(0));
        let shared = ip("192.0.2.1");
        for number in 0..5_000 {
            let _ = limit.count_login(stranger("ada", many(number)));
            let _ = limit.count_login(stranger(&number.to_string(), shared));
        }
        assert!(limit.count_login(stranger("ada", ip("198.51.100.1"))).is_err(), "an unknown browser has to wait");
        let owner = LoginAttempt { client: Some(shared), account: "ada", known: Some(OWNER) };
        assert!((0..10).all(|_| limit.count_login(owner).is_ok()));
        assert!(limit.count_login(owner).is_err(), "a known browser is limited too");
    }

    #[test]
    fn signups_count_by_address() {
        let limit = LoginRateLimiter::new(&LoginConfig::default(), Clock::manual(0));
        assert!((0..10).all(|_| limit.count_signup(Some(ip("192.0.2.1"))).is_ok()));
        assert!(limit.count_signup(Some(ip("192.0.2.1"))).is_err());
        assert!(limit.count_signup(Some(ip("192.0.2.2"))).is_ok());
        assert_eq!(limit.count_login(stranger("ada", ip("192.0.2.1"))), Ok(()), "logins count separately");
    }

    #[test]
    fn zero_means_no_limit() {
        let limit = LoginRateLimiter::new(&LoginConfig::unlimited(), Clock::manual(0));
        assert!((0..10_000).all(|_| limit.count_login(stranger("a", ip("192.0.2.1"))).is_ok()));
        assert!((0..10_000).all(|_| limit.count_signup(Some(ip("192.0.2.1"))).is_ok()));
    }
}
