//! How often somebody may try to log in or sign up, so that passwords cannot be guessed by trying.
//!
//! A limit by account only would be a way to keep its owner out. So an attempt counts by address, by account and
//! address, and then by account in all, where there is much more room. A browser that has logged in to the account
//! before has a bucket of its own there and counts in no other: strangers cannot use that up.
//!
//! A successful log-in counts as any other. Else somebody with one account could ask the API without end.

mod account;
mod bucket;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    time::Duration,
};

pub(crate) use self::account::canonical;
use self::bucket::Buckets;
use crate::{client_network::ClientNetwork, clock::Clock, config::LoginConfig, session::BrowserId};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Counts attempts to log in and sign-ups.
pub(crate) struct LoginLimit {
    clock: Clock,
    /// Makes keys of a fixed length, which nobody outside can make collide.
    hasher: RandomState,
    by_address: Buckets,
    /// By account and address, or by account and known browser.
    by_account: Buckets,
    strangers_by_minute: Buckets,
    strangers_by_day: Buckets,
    sign_ups: Buckets,
}

/// One attempt to log in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    /// The client's address, where it is known: without it the account counts only.
    pub(crate) client: Option<IpAddr>,
    /// The account's name, as [`canonical`] spells it.
    pub(crate) account: &'a str,
    /// The browser, if it has logged in to the account before.
    pub(crate) known: Option<BrowserId>,
}

impl LoginLimit {
    pub(crate) fn new(config: &LoginConfig, clock: Clock) -> Self {
        Self {
            clock,
            hasher: RandomState::new(),
            by_address: Buckets::new(config.attempts_per_minute_per_address, MINUTE),
            by_account: Buckets::new(config.attempts_per_minute_per_account, MINUTE),
            strangers_by_minute: Buckets::new(config.stranger_attempts_per_minute_per_account, MINUTE),
            strangers_by_day: Buckets::new(config.stranger_attempts_per_day_per_account, DAY),
            sign_ups: Buckets::new(config.sign_ups_per_minute_per_address, MINUTE),
        }
    }

    /// Counts one attempt. What one bucket refuses does not count in those after it.
    ///
    /// # Errors
    /// When it is one too many: how long to wait, rounded up to whole seconds.
    pub(crate) fn count(&self, attempt: Attempt<'_>) -> Result<(), Duration> {
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

    /// Counts one attempt that names no account.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub(crate) fn count_address(&self, client: Option<IpAddr>) -> Result<(), Duration> {
        let Some(network) = client.map(ClientNetwork::from) else { return Ok(()) };
        self.by_address.take(self.key(&network), self.clock.now())
    }

    /// Counts one sign-up from `client`; one without an address is not counted.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub(crate) fn count_sign_up(&self, client: Option<IpAddr>) -> Result<(), Duration> {
        let Some(network) = client.map(ClientNetwork::from) else { return Ok(()) };
        self.sign_ups.take(self.key(&network), self.clock.now())
    }

    fn key(&self, of: &impl std::hash::Hash) -> u64 {
        self.hasher.hash_one(of)
    }
}

impl fmt::Debug for LoginLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginLimit").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: BrowserId = BrowserId::of([7; 16]);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn stranger(account: &str, client: impl Into<Option<IpAddr>>) -> Attempt<'_> {
        Attempt { client: client.into(), account, known: None }
    }

    fn many(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn one_address_tries_one_account_so_often_and_others_go_on() {
        let clock = Clock::manual(0);
        let limit = LoginLimit::new(
            &LoginConfig { attempts_per_minute_per_account: 3, ..LoginConfig::default() },
            clock.clone(),
        );
        let guess = || limit.count(stranger("ada", ip("2001:db8::1")));
        assert!((0..3).all(|_| guess().is_ok()));
        assert_eq!(guess(), Err(Duration::from_secs(20)));
        assert_eq!(limit.count(stranger("ada", ip("2001:db8:0:1::1"))), Ok(()), "another address");
        assert_eq!(limit.count(stranger("grace", ip("2001:db8::2"))), Ok(()), "another account");
        clock.advance(20);
        assert_eq!(guess(), Ok(()));
        assert!(guess().is_err());
    }

    #[test]
    fn one_address_tries_so_many_accounts() {
        let config = LoginConfig { attempts_per_minute_per_address: 2, ..LoginConfig::default() };
        let limit = LoginLimit::new(&config, Clock::manual(0));
        assert_eq!(limit.count(stranger("a", ip("192.0.2.1"))), Ok(()));
        assert_eq!(limit.count(stranger("b", ip("::ffff:192.0.2.1"))), Ok(()));
        assert!(limit.count(stranger("c", ip("192.0.2.1"))).is_err());
        assert_eq!(limit.count(stranger("c", ip("192.0.2.2"))), Ok(()));
        assert_eq!(limit.count(stranger("d", None)), Ok(()), "without an address the account counts only");
    }

    /// However many addresses somebody has: at first a hundred guesses a minute, in the long run a thousand a day.
    #[test]
    fn all_strangers_together_get_slower() {
        let clock = Clock::manual(0);
        let limit = LoginLimit::new(&LoginConfig::default(), clock.clone());
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

    /// Tries from a thousand addresses of their own.
    fn passed(limit: &LoginLimit, guesses: &mut u32, passed: &mut u32) {
        for _ in 0..200 {
            *guesses += 1;
            *passed += u32::from(limit.count(stranger("ada", many(*guesses))).is_ok());
        }
    }

    #[test]
    fn a_known_browser_gets_in_whatever_strangers_do() {
        let limit = LoginLimit::new(&LoginConfig::default(), Clock::manual(0));
        let shared = ip("192.0.2.1");
        for number in 0..5_000 {
            let _ = limit.count(stranger("ada", many(number)));
            let _ = limit.count(stranger(&number.to_string(), shared));
        }
        assert!(limit.count(stranger("ada", ip("198.51.100.1"))).is_err(), "an unknown one has to wait");
        let owner = Attempt { client: Some(shared), account: "ada", known: Some(OWNER) };
        assert!((0..10).all(|_| limit.count(owner).is_ok()));
        assert!(limit.count(owner).is_err(), "nor may that one guess on and on");
    }

    #[test]
    fn sign_ups_count_by_address() {
        let limit = LoginLimit::new(&LoginConfig::default(), Clock::manual(0));
        assert!((0..10).all(|_| limit.count_sign_up(Some(ip("192.0.2.1"))).is_ok()));
        assert!(limit.count_sign_up(Some(ip("192.0.2.1"))).is_err());
        assert!(limit.count_sign_up(Some(ip("192.0.2.2"))).is_ok());
        assert_eq!(limit.count(stranger("ada", ip("192.0.2.1"))), Ok(()), "log-ins are another matter");
    }

    #[test]
    fn zero_is_no_limit() {
        let limit = LoginLimit::new(&LoginConfig::unlimited(), Clock::manual(0));
        assert!((0..10_000).all(|_| limit.count(stranger("a", ip("192.0.2.1"))).is_ok()));
        assert!((0..10_000).all(|_| limit.count_sign_up(Some(ip("192.0.2.1"))).is_ok()));
    }
}
