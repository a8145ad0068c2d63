//! Values that must never be printed or logged.

use std::{fmt, sync::OnceLock};

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use crate::token_fingerprint::Fingerprint;

/// A token or password. Its `Debug` prints `[redacted]` and it has no `Display`, so that it cannot reach a log or an
/// error message by accident.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret {
    text: String,
    /// Boxed, as few secrets need it.
    #[serde(skip)]
    derived: OnceLock<Box<Derived>>,
}

/// Values that are computed from a secret once and used by each call.
#[derive(Clone, Default)]
struct Derived {
    bearer: OnceLock<HeaderValue>,
    fingerprint: OnceLock<Option<Fingerprint>>,
}

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self::from(value.into())
    }

    /// The value itself, for code that has to send or seal it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The value of an `Authorization` header with this secret. Created once and cached, since each call sends it.
    ///
    /// # Errors
    /// Those of `write`, which gets the value itself.
    pub(crate) fn bearer<E>(&self, write: impl FnOnce(&str) -> Result<HeaderValue, E>) -> Result<HeaderValue, E> {
        let cached = &self.derived().bearer;
        if let Some(value) = cached.get() {
            return Ok(value.clone());
        }
        let value = write(&self.text)?;
        Ok(cached.get_or_init(|| value).clone())
    }

    /// The fingerprint by which the token filter finds the value; computed once. `None` when the value is too short.
    pub(crate) fn fingerprint(&self) -> Option<&Fingerprint> {
        self.derived().fingerprint.get_or_init(|| Fingerprint::of(&self.text)).as_ref()
    }

    fn derived(&self) -> &Derived {
        self.derived.get_or_init(Box::default)
    }
}

/// Ignores the cached values, which are derived from the secret.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self { text, derived: OnceLock::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_into_a_header_value_once() {
        let secret = Secret::new("t0k.en");
        let write = |text: &str| HeaderValue::try_from(format!("Bearer {text}"));
        assert!(secret.bearer(|_| HeaderValue::from_str("\n")).is_err());
        assert_eq!(secret.bearer(write).unwrap(), "Bearer t0k.en");
        assert_eq!(secret.bearer(|_| HeaderValue::from_str("another")).unwrap(), "Bearer t0k.en");
        assert_eq!(secret, Secret::new("t0k.en"));
        assert!(!format!("{secret:?}").contains("t0k"));
    }
}
