//! The only source of time, so that tests can move it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Tells the time as whole seconds since the Unix epoch.
///
/// Cheap to clone. [`Clock::system`] follows the machine; [`Clock::manual`] stands still until a
/// test moves it.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System(Instant),
    Manual(Arc<Manual>),
}

struct Manual {
    now: AtomicI64,
    /// How far it has gone in all, in seconds.
    gone: AtomicI64,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands at `seconds` since the epoch until [`Clock::advance`] moves it.
    pub fn manual(seconds: i64) -> Self {
        Self(Source::Manual(Arc::new(Manual { now: AtomicI64::new(seconds), gone: AtomicI64::new(0) })))
    }

    /// Seconds since the Unix epoch. A machine whose clock stands before 1970 answers 0.
    pub fn now(&self) -> i64 {
        match &self.0 {
            Source::System(_) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |elapsed| i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)),
            Source::Manual(manual) => manual.now.load(Ordering::SeqCst),
        }
    }

    /// How much time has passed since the clock was made. It never goes back: setting the machine's clock makes no
    /// difference to what is kept for a while.
    pub fn uptime(&self) -> Duration {
        match &self.0 {
            Source::System(start) => start.elapsed(),
            Source::Manual(manual) => Duration::from_secs(manual.gone.load(Ordering::SeqCst).unsigned_abs()),
        }
    }

    /// Moves a manual clock by `seconds` (backwards when negative, which no time passes by); the machine's clock
    /// stays.
    pub fn advance(&self, seconds: i64) {
        if let Source::Manual(manual) = &self.0 {
            manual.now.fetch_add(seconds, Ordering::SeqCst);
            manual.gone.fetch_add(seconds.max(0), Ordering::SeqCst);
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
