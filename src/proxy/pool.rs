//! Unused connections to one upstream, last in, first out.
//!
//! The one used last is the one most likely to be still open, and the others age until they are
//! dropped. A pool belongs to one runtime: its connections' tasks run there.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{http1::Connection, http2::Connections};
use crate::config::ProxyConfig;

/// The connections to one upstream: with HTTP/1.1 the unused ones, with HTTP/2 all.
pub(super) struct Pool {
    max_idle: usize,
    lifetime: Duration,
    idle: Mutex<Unused>,
    pub(super) http2: Arc<Connections>,
}

/// Connections that wait for a call.
#[derive(Default)]
struct Unused {
    /// The one used last is the last.
    connections: Vec<Idle>,
    /// Whether a task sweeps them.
    swept: bool,
}

struct Idle {
    connection: Box<Connection>,
    since: Instant,
    lifetime: Duration,
}

/// How much shorter than the upstream's own limit a connection is kept: the time that a response and the next
/// request may be on their way.
const MARGIN: Duration = Duration::from_secs(1);

impl Pool {
    pub(super) fn new(config: &ProxyConfig) -> Self {
        Self {
            max_idle: config.pool_max_idle,
            lifetime: config.pool_idle_timeout.duration(),
            idle: Mutex::default(),
            http2: Connections::new(config.pool_max_http2),
        }
    }

    /// A connection to use again. With `fresh` only one that has been unused for less than half of
    /// its time: for a call that cannot be repeated, should the upstream be about to close it.
    pub(super) fn take(&self, fresh: bool) -> Option<Box<Connection>> {
        let now = Instant::now();
        let mut idle = self.idle();
        while let Some(mut last) = idle.connections.pop() {
            let age = now.saturating_duration_since(last.since);
            // The ones below are older still, but may have been promised a longer life.
            if age >= last.lifetime {
                continue;
            }
            if fresh && age >= last.lifetime / 2 {
                idle.connections.push(last);
                return None;
            }
            if last.connection.is_open() {
                return Some(last.connection);
            }
        }
        None
    }

    /// Keeps a connection whose last response named `upstream_seconds` as its limit. Tells whether it is the first
    /// one: then the caller has to [`Self::sweep`] from now on.
    pub(super) fn put(&self, connection: Box<Connection>, upstream_seconds: Option<u64>) -> bool {
        let named = upstream_seconds.map(|seconds| Duration::from_secs(seconds).saturating_sub(MARGIN));
        let lifetime = named.map_or(self.lifetime, |named| named.min(self.lifetime));
        let mut idle = self.idle();
        if lifetime.is_zero() || idle.connections.len() >= self.max_idle {
            return false;
        }
        idle.connections.push(Idle { connection, since: Instant::now(), lifetime });
        !std::mem::replace(&mut idle.swept, true)
    }

    /// Drops unused connections that are too old or that the upstream has closed. Tells whether any is left: when
    /// there is none, sweeping may stop.
    pub(super) fn sweep(&self) -> bool {
        let now = Instant::now();
        let mut idle = self.idle();
        idle.connections.retain_mut(|other| {
            now.saturating_duration_since(other.since) < other.lifetime && other.connection.is_open()
        });
        idle.swept = !idle.connections.is_empty();
        idle.swept
    }

    fn idle(&self) -> MutexGuard<'_, Unused> {
        // A panic while the lock is held cannot leave half a state: each change is one step.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("idle", &self.idle().connections.len()).finish_non_exhaustive()
    }
}
