//! The only source of randomness, so that tests can repeat a run.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rand::{RngCore, SeedableRng, rngs::StdRng};

/// A source of random bytes. Cheap to clone.
///
/// [`Random::system`] is a cryptographic generator seeded by the operating system;
/// [`Random::seeded`] is reproducible, for tests.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Random {
    /// The operating system's generator.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A generator that returns the same bytes for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// Returns `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            Source::System => rand::rng().fill_bytes(&mut bytes),
            Source::Seeded(rng) => {
                rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
            }
        }
        bytes
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}
