//! Values that must never be printed.

use std::{fmt, sync::OnceLock};

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use crate::token_fingerprint::Fingerprint;

/// A token or password. Its `Debug` says `[redacted]` and it has no `Display`, so that it cannot
/// reach a log or an error message by accident.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret {
    text: String,
    /// The header value that was written with it; boxed, as few secrets have one.
    #[serde(skip)]
    bearer: OnceLock<Box<HeaderValue>>,
    /// Boxed, as few secrets are searched for.
    #[serde(skip)]
    fingerprint: OnceLock<Option<Box<Fingerprint>>>,
}

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self::from(value.into())
    }

    /// The value itself, for the one place that has to send or seal it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The value of an `Authorization` field with it: written once and kept, since it goes with each call.
    ///
    /// # Errors
    /// Those of `write`, which is given the value itself.
    pub(crate) fn bearer<E>(&self, write: impl FnOnce(&str) -> Result<HeaderValue, E>) -> Result<HeaderValue, E> {
        if let Some(kept) = self.bearer.get() {
            return Ok(HeaderValue::clone(kept));
        }
        let value = write(&self.text)?;
        Ok(HeaderValue::clone(self.bearer.get_or_init(|| Box::new(value))))
    }

    /// How the value is recognised in a text, worked out once; `None` when it is too short to be.
    pub(crate) fn fingerprint(&self) -> Option<&Fingerprint> {
        self.fingerprint.get_or_init(|| Fingerprint::of(&self.text).map(Box::new)).as_deref()
    }
}

/// What was written or worked out with a value says nothing more about it.
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
        Self { text, bearer: OnceLock::new(), fingerprint: OnceLock::new() }
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
