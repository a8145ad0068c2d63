//! What the API speaks: how one logs in, where the tokens lie in its answers, how it wants them back.
//!
//! A contract is data. The presets are TOML files beside this module; a configuration names one, or
//! names one and overrides single fields, or describes everything itself:
//!
//! ```toml
//! [api]
//! contract = "feathers"
//! ```
//!
//! ```toml
//! [api.contract]
//! preset = "feathers"
//! login.path = "/v2/authentication"
//! ```

mod preset;

use std::fmt;

use http::HeaderName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::proxy::{Credential, TokenKind, TokenPath};

pub use preset::{NAMES as PRESETS, UnknownPreset};

/// How to talk to one API about log-ins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Value")]
pub struct Contract {
    /// How a person logs in.
    pub login: Login,
    /// Where the tokens lie in the answers to log-in and refresh.
    pub tokens: Tokens,
    /// Where the person is described.
    pub user: User,
    /// How the API wants the access token on each call.
    pub credential: CredentialStyle,
    /// How the access token is renewed; absent when the API has no refresh tokens.
    pub refresh: Option<Refresh>,
    /// What ends a session at the API; absent when there is nothing to call.
    pub logout: Option<Call>,
    /// How a person signs up; absent when the API has no sign-up.
    pub sign_up: Option<Call>,
}

/// The log-in call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The path on the API, from its base URL.
    pub path: String,
    /// How the fields are encoded.
    #[serde(default)]
    pub encoding: Encoding,
    /// The name of the field that takes the e-mail address.
    #[serde(default = "email")]
    pub email_field: String,
    /// The name of the field that takes the password.
    #[serde(default = "password")]
    pub password_field: String,
    /// Further fields with constant values.
    #[serde(default)]
    pub fields: Map<String, Value>,
}

/// How fields travel to the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// `application/json`.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
}

/// Where the tokens lie: JSON pointers (RFC 6901) into the answers to log-in and refresh.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// The access token.
    pub access_token: String,
    /// The refresh token, where the API gives one.
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// The access token's lifetime in seconds. Without it the token's own `exp` claim counts, when
    /// it is a JWT.
    #[serde(default)]
    pub expires_in: Option<String>,
}

/// Where the person is described, tried in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// A JSON pointer into the answer to the log-in.
    #[serde(default)]
    pub login: Option<String>,
    /// A path on the API that answers the person for the token.
    #[serde(default)]
    pub path: Option<String>,
    /// The fields that are kept in the session; empty keeps all.
    #[serde(default)]
    pub keep: Vec<String>,
}

/// How the API wants the access token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialStyle {
    /// `Authorization: Bearer <token>` (RFC 6750 §2.1).
    #[default]
    Bearer,
    /// `Authorization: <token>`.
    Bare,
    /// A header of this name.
    Header(String),
    /// A cookie of this name.
    Cookie(String),
}

/// The refresh call: a POST.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The path on the API.
    pub path: String,
    /// How the fields are encoded.
    #[serde(default)]
    pub encoding: Encoding,
    /// The name of the field that takes the refresh token.
    #[serde(default = "refresh_token")]
    pub field: String,
    /// Further fields with constant values.
    #[serde(default)]
    pub fields: Map<String, Value>,
}

/// A POST to a path on the API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The path on the API.
    pub path: String,
}

fn email() -> String {
    "email".into()
}

fn password() -> String {
    "password".into()
}

fn refresh_token() -> String {
    "refresh_token".into()
}

impl Default for Contract {
    /// The contract of the demo API.
    fn default() -> Self {
        preset::demo()
    }
}

/// Why a contract cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContractError {
    /// The preset does not exist.
    #[error(transparent)]
    UnknownPreset(#[from] UnknownPreset),
    /// A field is missing, unknown or of the wrong type.
    #[error("{0}")]
    Field(String),
}

/// A preset's name, or a table that may name a preset and override its fields.
impl TryFrom<Value> for Contract {
    type Error = ContractError;

    fn try_from(value: Value) -> Result<Self, ContractError> {
        let mut description = match value {
            Value::String(name) => preset::find(&name)?,
            Value::Object(mut own) => match own.remove("preset") {
                Some(Value::String(name)) => preset::merge(preset::find(&name)?, Value::Object(own)),
                Some(_) => return Err(ContractError::Field("`preset` must be a name in quotes".into())),
                None => Value::Object(own),
            },
            _ => return Err(ContractError::Field("expected a preset's name or a table".into())),
        };
        // `false` in an override takes a part of the preset away: TOML has no null.
        if let Value::Object(parts) = &mut description {
            parts.retain(|_, part| *part != Value::Bool(false));
        }
        let contract: Self =
            Description::deserialize(description).map_err(|error| ContractError::Field(error.to_string()))?.into();
        contract.validate()?;
        Ok(contract)
    }
}

/// The contract as it is written down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    login: Login,
    tokens: Tokens,
    #[serde(default)]
    user: User,
    #[serde(default)]
    credential: CredentialStyle,
    refresh: Option<Refresh>,
    logout: Option<Call>,
    sign_up: Option<Call>,
}

impl From<Description> for Contract {
    fn from(it: Description) -> Self {
        Self {
            login: it.login,
            tokens: it.tokens,
            user: it.user,
            credential: it.credential,
            refresh: it.refresh,
            logout: it.logout,
            sign_up: it.sign_up,
        }
    }
}

impl Contract {
    /// How the proxy sends the token, as the contract's `credential` says.
    pub fn credential(&self) -> Credential {
        match &self.credential {
            CredentialStyle::Bearer => Credential::Bearer,
            CredentialStyle::Bare => Credential::Raw,
            // Validated when the contract was read.
            CredentialStyle::Header(name) => {
                HeaderName::try_from(name.as_str()).map_or(Credential::Bearer, Credential::Header)
            }
            CredentialStyle::Cookie(name) => Credential::Cookie(name.clone()),
        }
    }

    /// The paths that answer tokens, which the proxy must not pass through.
    pub fn token_paths(&self) -> Vec<TokenPath> {
        let login = TokenPath::new(&self.login.path, TokenKind::LogIn);
        let refresh = self.refresh.as_ref().map(|it| TokenPath::new(&it.path, TokenKind::Refresh));
        std::iter::once(login).chain(refresh).collect()
    }

    fn validate(&self) -> Result<(), ContractError> {
        let paths = [
            ("login.path", Some(&self.login.path)),
            ("user.path", self.user.path.as_ref()),
            ("refresh.path", self.refresh.as_ref().map(|it| &it.path)),
            ("logout.path", self.logout.as_ref().map(|it| &it.path)),
            ("sign_up.path", self.sign_up.as_ref().map(|it| &it.path)),
            ("tokens.access_token", Some(&self.tokens.access_token)),
            ("tokens.refresh_token", self.tokens.refresh_token.as_ref()),
            ("tokens.expires_in", self.tokens.expires_in.as_ref()),
            ("user.login", self.user.login.as_ref()),
        ];
        for (key, path) in paths {
            if path.is_some_and(|path| !path.starts_with('/')) {
                return Err(ContractError::Field(format!("`{key}` must start with `/`")));
            }
        }
        if let CredentialStyle::Header(name) = &self.credential
            && HeaderName::try_from(name.as_str()).is_err()
        {
            return Err(ContractError::Field(format!("`credential.header` is no header name: {name}")));
        }
        Ok(())
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log in at POST {}", self.login.path)?;
        match &self.refresh {
            Some(refresh) => write!(f, ", refresh at POST {}", refresh.path),
            None => f.write_str(", no refresh"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_every_preset() {
        for name in PRESETS {
            Contract::try_from(json!(name)).unwrap();
        }
    }

    #[test]
    fn overrides_single_fields_of_a_preset() {
        let contract = Contract::try_from(json!({
            "preset": "feathers",
            "login": {"path": "/v2/authentication"},
        }))
        .unwrap();
        assert_eq!(contract.login.path, "/v2/authentication");
        assert_eq!(contract.login.fields["strategy"], "local");
        assert_eq!(contract.tokens.access_token, "/accessToken");
    }

    #[test]
    fn takes_a_part_of_a_preset_away() {
        let contract = Contract::try_from(json!({"preset": "demo", "sign_up": false})).unwrap();
        assert_eq!(contract.sign_up, None);
        assert!(contract.refresh.is_some());
    }

    #[test]
    fn names_what_is_wrong() {
        let error = |value: Value| Contract::try_from(value).unwrap_err().to_string();
        assert!(error(json!("fethers")).contains("`fethers`"));
        assert!(error(json!({"preset": "demo", "logn": {}})).contains("logn"));
        assert!(error(json!({"preset": "demo", "login": {"path": "auth"}})).contains("login.path"));
        assert!(error(json!({"login": {"path": "/login"}})).contains("tokens"));
    }
}
