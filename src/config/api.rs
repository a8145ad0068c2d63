//! `[api]`: where the API is and what it speaks.

use serde::{Deserialize, Serialize};
use url::Url;

use super::ConfigError;
use crate::contract::Contract;

/// Where the API is and what it speaks.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// The API's base URL, `http://` or `https://`, with a base path where it has one.
    pub url: Option<Url>,
    /// A preset's name (see [`crate::contract::PRESETS`]), or a table that describes the API's login.
    pub contract: Contract,
    /// How many seconds a login, a refresh or a call for a page may take.
    pub timeout: f64,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self { url: None, contract: Contract::default(), timeout: 15.0 }
    }
}

impl ApiConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if let Some(url) = &self.url {
            check_url(url).map_err(|problem| ConfigError::new("api.url", problem))?;
        }
        if !(self.timeout > 0.0 && self.timeout <= 3600.0) {
            return Err(ConfigError::new("api.timeout", "must be more than 0 and at most 3600 seconds"));
        }
        self.contract.validate().map_err(|error| ConfigError::new("api.contract", format!("is wrong: {error}")))
    }
}

fn check_url(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("must be an http:// or https:// URL, like http://127.0.0.1:4000");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end with its path: take away what follows `?` or `#`");
    }
    Ok(())
}
