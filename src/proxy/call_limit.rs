//! How many calls may be under way at once: in all, per session, and per address without one.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    client_network::ClientNetwork,
    session::{BySession, SessionId},
};

/// Callers are counted in several maps, so that cores seldom wait for each other.
const SHARDS: usize = 16;

/// Counts the calls under way. A limit of 0 is none.
pub(crate) struct CallLimiter {
    max: usize,
    all: AtomicUsize,
    sessions: Shares<BySession<usize>>,
    /// Clients choose their addresses, so that these are hashed with a key of this process.
    addresses: Shares<HashMap<ClientNetwork, usize, RandomState>>,
}

/// The most calls of one caller, and how many each has under way. Only callers with a call under way are in it, so
/// that it never has more entries than there are calls.
struct Shares<M> {
    max: usize,
    shards: [Mutex<M>; SHARDS],
}

/// The caller, by which calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A session, from wherever.
    Session(SessionId),
    /// A client without a session.
    Address(ClientNetwork),
    /// A client of which not even the address is known: it counts in all only.
    Unknown,
}

/// The right to one call; gives it back when dropped.
pub(crate) struct CallPermit {
    limits: Arc<CallLimiter>,
    caller: Caller,
}

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallLimitReached {
    /// The server has as many calls under way as it may have.
    Server,
    /// The session has.
    Session,
    /// The client's address has.
    Address,
}

impl CallLimiter {
    pub(crate) fn new(max: usize, max_per_session: usize, max_per_address: usize) -> Self {
        Self {
            max: or_none(max),
            all: AtomicUsize::new(0),
            sessions: Shares::new(max_per_session),
            addresses: Shares::new(max_per_address),
        }
    }

    /// Takes the right to one call.
    ///
    /// # Errors
    /// When as many as may be are under way.
    pub(crate) fn enter(self: &Arc<Self>, caller: Caller) -> Result<CallPermit, CallLimitReached> {
        // Counted first and given back when too many: two at once never both slip in.
        if self.all.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.all.fetch_sub(1, Ordering::Relaxed);
            return Err(CallLimitReached::Server);
        }
        let mut permit = CallPermit { limits: Arc::clone(self), caller: Caller::Unknown };
        let (entered, busy) = match caller {
            Caller::Session(id) => (self.sessions.enter(id, id.spread()), CallLimitReached::Session),
            Caller::Address(network) => (self.addresses.enter(network, network.spread()), CallLimitReached::Address),
            Caller::Unknown => (true, CallLimitReached::Server),
        };
        if !entered {
            return Err(busy);
        }
        permit.caller = caller;
        Ok(permit)
    }
}

impl<K: Copy + Hash + Eq, S: BuildHasher + Default> Shares<HashMap<K, usize, S>> {
    fn new(max: usize) -> Self {
        Self { max: or_none(max), shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Counts one more call, if there may be one.
    fn enter(&self, key: K, spread: usize) -> bool {
        if self.max == usize::MAX {
            return true;
        }
        let mut shard = self.shard(spread);
        let count = shard.entry(key).or_insert(0);
        let is_free = *count < self.max;
        *count += usize::from(is_free);
        is_free
    }

    fn leave(&self, key: K, spread: usize) {
        if self.max == usize::MAX {
            return;
        }
        if let Entry::Occupied(mut entry) = self.shard(spread).entry(key) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }

    fn shard(&self, spread: usize) -> MutexGuard<'_, HashMap<K, usize, S>> {
        // A panic while the lock is held cannot leave half a state: each change is one step.
        self.shards[spread % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn or_none(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        self.limits.all.fetch_sub(1, Ordering::Relaxed);
        match self.caller {
            Caller::Session(id) => self.limits.sessions.leave(id, id.spread()),
            Caller::Address(network) => self.limits.addresses.leave(network, network.spread()),
            Caller::Unknown => {}
        }
    }
}

impl fmt::Debug for CallLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("under_way", &self.all).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::random::Random;

    fn address(text: &str) -> Caller {
        Caller::Address(text.parse::<IpAddr>().unwrap().into())
    }

    impl CallLimiter {
        fn is_forgotten(&self) -> bool {
            self.sessions.shards.iter().all(|shard| shard.lock().unwrap().is_empty())
                && self.addresses.shards.iter().all(|shard| shard.lock().unwrap().is_empty())
                && self.all.load(Ordering::Relaxed) == 0
        }
    }

    #[test]
    fn gives_each_right_back() {
        let limits = Arc::new(CallLimiter::new(2, 0, 0));
        let permits = [limits.enter(Caller::Unknown).ok(), limits.enter(Caller::Unknown).ok()];
        assert!(permits.iter().all(Option::is_some));
        assert_eq!(limits.enter(Caller::Unknown).err(), Some(CallLimitReached::Server));
        drop(permits);
        assert!(limits.enter(Caller::Unknown).is_ok());
    }

    #[test]
    fn counts_each_caller_for_itself_and_forgets_the_idle() {
        let random = Random::seeded(1);
        let [one, two] = [1, 2].map(|_| Caller::Session(SessionId::random(&random)));
        for (one, two, busy) in [
            (one, two, CallLimitReached::Session),
            (address("192.0.2.1"), address("192.0.2.2"), CallLimitReached::Address),
            (address("2001:db8::1"), address("2001:db8:0:1::1"), CallLimitReached::Address),
        ] {
            let limits = Arc::new(CallLimiter::new(10, 1, 1));
            let permit = limits.enter(one).ok();
            assert_eq!(limits.enter(one).err(), Some(busy));
            assert!(limits.enter(two).is_ok() && limits.enter(Caller::Unknown).is_ok());
            drop(permit);
            assert!(limits.enter(one).is_ok());
            assert!(limits.is_forgotten(), "{one:?}");
        }
    }

    #[test]
    fn takes_one_customer_of_ipv6_for_one_address() {
        let limits = Arc::new(CallLimiter::new(0, 0, 2));
        let permits = [limits.enter(address("2001:db8::1")), limits.enter(address("2001:db8::2"))];
        assert!(permits.iter().all(Result::is_ok));
        assert_eq!(limits.enter(address("2001:db8::3")).err(), Some(CallLimitReached::Address));
    }

    #[test]
    fn has_no_limit_at_zero() {
        let limits = Arc::new(CallLimiter::new(0, 0, 0));
        let permits: Vec<_> = (0..1_000).filter_map(|_| limits.enter(address("192.0.2.1")).ok()).collect();
        assert_eq!(permits.len(), 1_000);
    }
}
