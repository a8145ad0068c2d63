//! Unused connections to one upstream, last in, first out.
//!
//! The one used last is the one most likely to be still open, and the others age until they are
//! dropped. A pool belongs to one runtime: its connections' tasks run there.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hyper::client::conn::{http1, http2};

use super::upload::RequestBody;
use crate::alarm::Alarm;

/// A connection that takes one call after the other.
pub(super) struct Http1 {
    pub(super) sender: http1::SendRequest<RequestBody>,
    /// Limits how long each call waits for its answer.
    pub(super) alarm: Alarm,
}

type Http2 = http2::SendRequest<RequestBody>;

/// The unused connections to one upstream.
pub(super) struct Pool {
    max_idle: usize,
    lifetime: Duration,
    idle: Mutex<Vec<Idle>>,
    multiplexed: Mutex<Option<Http2>>,
}

struct Idle {
    connection: Http1,
    since: Instant,
    lifetime: Duration,
}

/// How much shorter than the upstream's own limit a connection is kept: what an answer and the next
/// request may be on their way.
const MARGIN: Duration = Duration::from_secs(1);

impl Pool {
    pub(super) fn new(max_idle: usize, lifetime: Duration) -> Self {
        Self { max_idle, lifetime, idle: Mutex::default(), multiplexed: Mutex::default() }
    }

    /// A connection to use again. With `fresh` only one that has been unused for less than half of
    /// its time: for a call that cannot be repeated, should the upstream be about to close it.
    pub(super) fn take(&self, fresh: bool) -> Option<Http1> {
        let now = Instant::now();
        let mut idle = self.idle();
        while let Some(last) = idle.pop() {
            let age = now.saturating_duration_since(last.since);
            if age >= last.lifetime {
                // The ones below are older still, but may have been promised a longer life.
                idle.retain(|other| now.saturating_duration_since(other.since) < other.lifetime);
            } else if fresh && age >= last.lifetime / 2 {
                idle.push(last);
                return None;
            } else if !last.connection.sender.is_closed() {
                return Some(last.connection);
            }
        }
        None
    }

    /// Keeps a connection whose last answer named `upstream_seconds` as its limit.
    pub(super) fn put(&self, connection: Http1, upstream_seconds: Option<u64>) {
        let named = upstream_seconds.map(|seconds| Duration::from_secs(seconds).saturating_sub(MARGIN));
        let lifetime = named.map_or(self.lifetime, |named| named.min(self.lifetime));
        if lifetime.is_zero() || connection.sender.is_closed() {
            return;
        }
        let now = Instant::now();
        let mut idle = self.idle();
        if idle.first().is_some_and(|oldest| now.saturating_duration_since(oldest.since) >= oldest.lifetime) {
            idle.retain(|other| now.saturating_duration_since(other.since) < other.lifetime);
        }
        if idle.len() < self.max_idle {
            idle.push(Idle { connection, since: now, lifetime });
        }
    }

    /// The HTTP/2 connection, which all calls share.
    pub(super) fn multiplexed(&self) -> Option<Http2> {
        let mut kept = lock(&self.multiplexed);
        if kept.as_ref().is_some_and(Http2::is_closed) {
            *kept = None;
        }
        kept.clone()
    }

    /// Shares an HTTP/2 connection from now on.
    pub(super) fn share(&self, sender: &Http2) {
        *lock(&self.multiplexed) = Some(sender.clone());
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        lock(&self.idle)
    }
}

// A panic while the lock is held cannot leave half a state: each change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("idle", &self.idle().len()).finish_non_exhaustive()
    }
}
