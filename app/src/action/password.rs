//! A password on its way to the API.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A password that no log can show by accident.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(feature = "ssr")]
impl From<Password> for vestibule::secret::Secret {
    fn from(password: Password) -> Self {
        Self::new(password.0)
    }
}
