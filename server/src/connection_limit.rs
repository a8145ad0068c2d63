//! Limits the number of connections, in all and per client address.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use vestibule::config::proxy::Network;

/// Counts the connections of all threads.
pub(crate) struct ConnectionLimiter {
    max: usize,
    max_per_address: usize,
    total: AtomicUsize,
    addresses: Mutex<HashMap<IpAddr, usize>>,
    /// Proxies in front of this server, through which many clients connect.
    trusted: Vec<Network>,
}

/// The right to one connection, returned when dropped.
pub(crate) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    address: Option<IpAddr>,
}

/// The limit that a new connection would exceed.
pub(crate) enum LimitReached {
    /// The limit of all connections. A caller that closes another connection may use this permit.
    Server(ConnectionPermit),
    /// The limit of the client's address.
    Address,
}

impl ConnectionLimiter {
    pub(crate) fn new(max: usize, max_per_address: usize, trusted: &[Network]) -> Self {
        let (total, addresses) = (AtomicUsize::new(0), Mutex::default());
        Self { max, max_per_address, total, addresses, trusted: trusted.to_vec() }
    }

    /// Takes a permit for a connection from `client`.
    ///
    /// # Errors
    /// When a limit is reached.
    pub(crate) fn acquire(self: &Arc<Self>, client: IpAddr) -> Result<ConnectionPermit, LimitReached> {
        let address = (!self.trusted.iter().any(|network| network.contains(client))).then(|| counted_address(client));
        if let Some(address) = address {
            let mut addresses = self.addresses();
            let count = addresses.entry(address).or_insert(0);
            if *count >= self.max_per_address {
                return Err(LimitReached::Address);
            }
            *count += 1;
        }
        let before = self.total.fetch_add(1, Ordering::Relaxed);
        let permit = ConnectionPermit { limiter: Arc::clone(self), address };
        if before < self.max { Ok(permit) } else { Err(LimitReached::Server(permit)) }
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A panic while the lock is held cannot leave an inconsistent state: each change is one step.
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limiter.total.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        if let Entry::Occupied(mut entry) = self.limiter.addresses().entry(address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// The address that a client counts under: for IPv6 its /64 network, as one customer has at least a /64.
fn counted_address(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(max: usize, max_per_address: usize) -> Arc<ConnectionLimiter> {
        Arc::new(ConnectionLimiter::new(max, max_per_address, &["10.0.0.0/8".parse().unwrap()]))
    }

    fn acquire(limiter: &Arc<ConnectionLimiter>, client: &str) -> Result<ConnectionPermit, LimitReached> {
        limiter.acquire(client.parse().unwrap())
    }

    #[test]
    fn limits_one_client_and_forgets_it_afterwards() {
        let limiter = limiter(100, 2);
        let permits = [acquire(&limiter, "192.0.2.1"), acquire(&limiter, "::ffff:192.0.2.1")];
        assert!(permits.iter().all(Result::is_ok));
        assert!(matches!(acquire(&limiter, "192.0.2.1"), Err(LimitReached::Address)));
        assert!(acquire(&limiter, "192.0.2.2").is_ok());
        let six = [acquire(&limiter, "2001:db8::1"), acquire(&limiter, "2001:db8::2")];
        assert!(six.iter().all(Result::is_ok));
        assert!(matches!(acquire(&limiter, "2001:db8::3"), Err(LimitReached::Address)), "the same /64");
        assert!(acquire(&limiter, "2001:db8:0:1::1").is_ok());
        drop((permits, six));
        assert!(limiter.addresses().is_empty());
        assert_eq!(limiter.total.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn limits_all_and_lends_a_permit_to_a_caller_that_closes_another() {
        let limiter = limiter(1, 10);
        let first = acquire(&limiter, "192.0.2.1").ok();
        let Err(LimitReached::Server(lent)) = acquire(&limiter, "192.0.2.2") else { panic!("not limited") };
        drop(first);
        assert!(matches!(acquire(&limiter, "192.0.2.3"), Err(LimitReached::Server(_))), "the lent permit counts");
        drop(lent);
        assert!(acquire(&limiter, "192.0.2.3").is_ok());
    }

    #[test]
    fn trusted_proxies_count_towards_the_total_only() {
        let limiter = limiter(3, 1);
        let permits: Vec<_> = (0..3).map(|_| acquire(&limiter, "10.1.2.3")).collect();
        assert!(permits.iter().all(Result::is_ok));
        assert!(matches!(acquire(&limiter, "10.1.2.3"), Err(LimitReached::Server(_))));
    }
}
