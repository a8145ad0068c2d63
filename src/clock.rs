//! The only source of time, so that tests can move it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A clock of whole seconds since the Unix epoch.
///
/// Cheap to clone. [`Clock::system`] follows the machine; [`Clock::manual`] stands still until a test advances it.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System(Instant),
    Manual(Arc<Manual>),
}

struct Manual {
    now: AtomicI64,
    /// The total time it was advanced, in seconds.
    elapsed: AtomicI64,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands at `seconds` since the epoch until [`Clock::advance`] moves it.
    pub fn manual(seconds: i64) -> Self {
        Self(Source::Manual(Arc::new(Manual { now: AtomicI64::new(seconds), elapsed: AtomicI64::new(0) })))
    }

    /// Seconds since the Unix epoch. 0 if the machine's clock is before 1970.
    pub fn now(&self) -> i64 {
        match &self.0 {
            Source::System(_) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |elapsed| i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)),
            Source::Manual(manual) => manual.now.load(Ordering::SeqCst),
        }
    }

    /// The time since the clock was created. Monotonic: setting the machine's clock does not affect it.
    pub fn uptime(&self) -> Duration {
        match &self.0 {
            Source::System(start) => start.elapsed(),
            Source::Manual(manual) => Duration::from_secs(manual.elapsed.load(Ordering::SeqCst).unsigned_abs()),
        }
    }

    /// Moves a manual clock by `seconds`. A negative number sets it back, without effect on the uptime. Has no effect on
    /// the machine's clock.
    pub fn advance(&self, seconds: i64) {
        if let Source::Manual(manual) = &self.0 {
            manual.now.fetch_add(seconds, Ordering::SeqCst);
            manual.elapsed.fetch_add(seconds.max(0), Ordering::SeqCst);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System(_) => "Clock::system",
            Source::Manual(_) => "Clock::manual",
        })
    }
}
