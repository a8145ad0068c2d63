//! The only source of randomness, so that tests can repeat it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{RngCore as _, SeedableRng as _, rngs::StdRng};
use uuid::Builder;

use crate::{clock::Timestamp, secret::Secret};

/// Gives random bytes: the system's, or a row that a seed repeats.
#[derive(Clone, Default)]
pub struct Random(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Random {
    /// A cryptographically secure generator, seeded by the operating system.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The same row of bytes for the same seed: for tests alone.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            Source::System => rand::rng().fill_bytes(&mut bytes),
            Source::Seeded(generator) => {
                generator.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
            }
        }
        bytes
    }

    /// A UUID of version 7: later ids sort after earlier ones (RFC 9562 §5.7).
    pub fn id(&self, now: Timestamp) -> String {
        let milliseconds = u64::try_from(now.milliseconds()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(milliseconds, &self.bytes()).into_uuid().to_string()
    }

    /// An opaque token of 256 bits.
    pub fn token(&self) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.bytes::<32>()))
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Source::System => "Random(system)",
            Source::Seeded(_) => "Random(seeded)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_row() {
        let (first, second) = (Random::seeded(7), Random::seeded(7));
        assert_eq!(first.bytes::<16>(), second.bytes::<16>());
        assert_ne!(first.bytes::<16>(), [0; 16]);
    }

    #[test]
    fn the_system_never_repeats() {
        let random = Random::system();
        assert_ne!(random.token(), random.token());
    }

    #[test]
    fn ids_are_version_7_and_sort_by_time() {
        let random = Random::seeded(1);
        let earlier = random.id(Timestamp::from_milliseconds(1_900_000_000_000));
        let later = random.id(Timestamp::from_milliseconds(1_900_000_000_001));
        assert_eq!(earlier.chars().nth(14), Some('7'));
        assert!(earlier < later, "{earlier} should sort before {later}");
    }
}
