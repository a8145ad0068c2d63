//! How many connections there may be, in all and of one client.

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
pub(crate) struct Census {
    max: usize,
    max_per_address: usize,
    all: AtomicUsize,
    addresses: Mutex<HashMap<IpAddr, usize>>,
    /// Proxies in front of this server, through which many people come.
    trusted: Vec<Network>,
}

/// The right to one connection; given back when dropped.
pub(crate) struct Place {
    census: Arc<Census>,
    address: Option<IpAddr>,
}

/// Why there is no place.
pub(crate) enum Full {
    /// The server has as many connections as it may have. Whoever makes room for it may use this place.
    Server(Place),
    /// The client has.
    Address,
}

impl Census {
    pub(crate) fn new(max: usize, max_per_address: usize, trusted: &[Network]) -> Self {
        let (all, addresses) = (AtomicUsize::new(0), Mutex::default());
        Self { max, max_per_address, all, addresses, trusted: trusted.to_vec() }
    }

    /// Takes a place for a connection from `client`.
    ///
    /// # Errors
    /// When there are as many as may be.
    pub(crate) fn enter(self: &Arc<Self>, client: IpAddr) -> Result<Place, Full> {
        let address = (!self.trusted.iter().any(|network| network.contains(client))).then(|| network(client));
        if let Some(address) = address {
            let mut addresses = self.addresses();
            let count = addresses.entry(address).or_insert(0);
            if *count >= self.max_per_address {
                return Err(Full::Address);
            }
            *count += 1;
        }
        let before = self.all.fetch_add(1, Ordering::Relaxed);
        let place = Place { census: Arc::clone(self), address };
        if before < self.max { Ok(place) } else { Err(Full::Server(place)) }
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A panic while the lock is held cannot leave half a state: each change is one step.
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.census.all.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        if let Entry::Occupied(mut entry) = self.census.addresses().entry(address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// One customer of IPv6 has a /64 at the least, so that is what counts there.
fn network(client: IpAddr) -> IpAddr {
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

    fn census(max: usize, max_per_address: usize) -> Arc<Census> {
        Arc::new(Census::new(max, max_per_address, &["10.0.0.0/8".parse().unwrap()]))
    }

    fn enter(census: &Arc<Census>, client: &str) -> Result<Place, Full> {
        census.enter(client.parse().unwrap())
    }

    #[test]
    fn limits_one_client_and_forgets_it() {
        let census = census(100, 2);
        let places = [enter(&census, "192.0.2.1"), enter(&census, "::ffff:192.0.2.1")];
        assert!(places.iter().all(Result::is_ok));
        assert!(matches!(enter(&census, "192.0.2.1"), Err(Full::Address)));
        assert!(enter(&census, "192.0.2.2").is_ok());
        let six = [enter(&census, "2001:db8::1"), enter(&census, "2001:db8::2")];
        assert!(six.iter().all(Result::is_ok));
        assert!(matches!(enter(&census, "2001:db8::3"), Err(Full::Address)), "the same /64");
        assert!(enter(&census, "2001:db8:0:1::1").is_ok());
        drop((places, six));
        assert!(census.addresses().is_empty());
        assert_eq!(census.all.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn limits_all_and_lends_a_place_to_who_makes_room() {
        let census = census(1, 10);
        let first = enter(&census, "192.0.2.1").ok();
        let Err(Full::Server(lent)) = enter(&census, "192.0.2.2") else { panic!("there is no room") };
        drop(first);
        assert!(matches!(enter(&census, "192.0.2.3"), Err(Full::Server(_))), "the lent place counts");
        drop(lent);
        assert!(enter(&census, "192.0.2.3").is_ok());
    }

    #[test]
    fn trusted_proxies_are_counted_among_all_only() {
        let census = census(3, 1);
        let places: Vec<_> = (0..3).map(|_| enter(&census, "10.1.2.3")).collect();
        assert!(places.iter().all(Result::is_ok));
        assert!(matches!(enter(&census, "10.1.2.3"), Err(Full::Server(_))));
    }
}
