//! The keys that seal sessions.

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

use crate::random::Random;

/// A 256-bit key. Its `Debug` says `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

/// The text is not a valid key.
#[derive(Debug, thiserror::Error)]
#[error("a session key must be 32 bytes in base64 (44 characters): create one with `vestibule keygen`")]
pub struct InvalidKey;

impl Key {
    /// Creates a random key.
    pub fn random(random: &Random) -> Self {
        Self(random.bytes())
    }

    /// Reads a key from base64, in either alphabet, padded or not.
    ///
    /// # Errors
    /// If the text is not 32 bytes in base64.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD]
            .into_iter()
            .find_map(|engine| engine.decode(text.trim()).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(InvalidKey)
    }

    /// The key in base64, to be stored.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let key = Key::random(&Random::seeded(1));
        assert_eq!(Key::parse(&key.to_base64()).unwrap(), key);
        assert_eq!(Key::parse(&format!(" {}\n", key.to_base64().trim_end_matches('='))).unwrap(), key);
    }

    #[test]
    fn refuses_short_and_odd_keys() {
        for text in ["", "short", "AAAA", &"A".repeat(64), "ü"] {
            assert!(Key::parse(text).is_err(), "{text}");
        }
    }
}
