//! Token buckets that refill over time, with a bounded number of keys.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The maximum number of keys, some 2 MiB. Only an attacker uses more.
const MAX_KEYS: usize = 1 << 16;
/// The number of keys from which full buckets are swept.
const SWEEP_FROM: usize = 1 << 10;

/// Allows each key a burst and then, one by one, the same number again in a span of time. This is the generic cell rate
/// algorithm (ITU-T I.371), which needs one number per key.
pub(super) struct Buckets {
    /// The time until one more is allowed, in microseconds; 0 for no limit.
    interval: i64,
    /// The time to refill an empty bucket, in microseconds.
    span: i64,
    keys: Mutex<Keys>,
}

/// When each bucket will be full again, in microseconds since the epoch. A missing bucket is full.
struct Keys {
    full_at: HashMap<u64, i64>,
    sweep_at: usize,
}

impl Buckets {
    /// Creates buckets for a burst of `count`, refilled within `span`; 0 for no limit.
    pub(super) fn new(count: u32, span: Duration) -> Self {
        let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        let interval = if count == 0 { 0 } else { span / i64::from(count) };
        let keys = Keys { full_at: HashMap::new(), sweep_at: SWEEP_FROM };
        Self { interval, span: interval * i64::from(count), keys: Mutex::new(keys) }
    }

    /// Takes one token out of the bucket of `key`, at `now` in seconds since the epoch.
    ///
    /// # Errors
    /// If the bucket is empty: the time to wait, in whole seconds.
    pub(super) fn take(&self, key: u64, now: i64) -> Result<(), Duration> {
        if self.interval == 0 {
            return Ok(());
        }
        let now = now.saturating_mul(1_000_000);
        // A panic while the lock is held cannot leave an inconsistent state: each change is one step.
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let before = keys.full_at.get(&key).copied().unwrap_or(now);
        // At most the refill time of an empty bucket: the clock may have been set back.
        let after = before.clamp(now, now.saturating_add(self.span)).saturating_add(self.interval);
        let wait = after - now - self.span;
        if wait > 0 {
            return Err(Duration::from_secs(wait.unsigned_abs().div_ceil(1_000_000)));
        }
        keys.make_room(now);
        keys.full_at.insert(key, after);
        Ok(())
    }
}

impl Keys {
    /// Removes full buckets. If that is not enough, removes the fuller half, so that an attacker that tries many keys once
    /// does not evict the few that were tried often.
    fn make_room(&mut self, now: i64) {
        if self.full_at.len() < self.sweep_at {
            return;
        }
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() >= MAX_KEYS {
            let mut times: Vec<i64> = self.full_at.values().copied().collect();
            let middle = times.len() / 2;
            let (_, &mut median, _) = times.select_nth_unstable(middle);
            // Many may be as full as the median: keep as many of them as needed for half.
            let mut room = times[middle..].iter().filter(|time| **time == median).count();
            self.full_at.retain(|_, full_at| {
                let is_kept = *full_at == median && room > 0;
                room -= usize::from(is_kept);
                is_kept || *full_at > median
            });
        }
        self.sweep_at = (2 * self.full_at.len()).clamp(SWEEP_FROM, MAX_KEYS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn length(buckets: &Buckets) -> usize {
        buckets.keys.lock().unwrap().full_at.len()
    }

    #[test]
    fn allows_a_burst_and_then_one_by_one() {
        let buckets = Buckets::new(6, MINUTE);
        assert!((0..6).all(|_| buckets.take(1, 100).is_ok()));
        assert_eq!(buckets.take(1, 100), Err(Duration::from_secs(10)));
        assert_eq!(buckets.take(1, 104), Err(Duration::from_secs(6)));
        assert_eq!(buckets.take(1, 110), Ok(()));
        assert!(buckets.take(1, 110).is_err());
        assert!((0..6).all(|_| buckets.take(1, 170).is_ok()), "full again");
    }

    #[test]
    fn tolerates_a_clock_that_is_set_back() {
        let buckets = Buckets::new(6, MINUTE);
        assert!((0..6).all(|_| buckets.take(1, 1_000_000).is_ok()));
        assert_eq!(buckets.take(1, 10), Err(Duration::from_secs(10)));
        assert_eq!(buckets.take(1, 20), Err(Duration::from_secs(10)), "refused attempts change nothing");
    }

    #[test]
    fn removes_full_buckets() {
        let buckets = Buckets::new(60, MINUTE);
        for key in 0..20_000 {
            buckets.take(key, i64::try_from(key).unwrap()).unwrap();
        }
        assert!(length(&buckets) <= SWEEP_FROM);
    }

    #[test]
    fn is_bounded_and_keeps_the_emptiest() {
        let buckets = Buckets::new(10, MINUTE);
        assert!((0..10).all(|_| buckets.take(u64::MAX, 0).is_ok()));
        for key in 0..1_000_000 {
            buckets.take(key, 0).unwrap();
        }
        assert!(length(&buckets) <= MAX_KEYS);
        assert!(buckets.take(u64::MAX, 0).is_err(), "still known");
    }
}
