//! Reads a contract: a preset's name, or a table that may name a preset and override its fields.

use serde::Deserialize;
use serde_json::Value;

use super::{
    Account, Contract, ContractError, Credential, Login, Logout, Refresh, Signup, TokenRoute, Tokens, User, Verify,
    merge::merge, preset, validate,
};

impl TryFrom<Value> for Contract {
    type Error = ContractError;

    fn try_from(value: Value) -> Result<Self, ContractError> {
        let mut description = match value {
            Value::String(name) => preset::find(&name)?,
            Value::Object(mut own) => match own.remove("preset") {
                Some(Value::String(name)) => merge(preset::find(&name)?, Value::Object(own)),
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
        validate::check(&contract)?;
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
    credential: Credential,
    refresh: Option<Refresh>,
    logout: Option<Logout>,
    sign_up: Option<Signup>,
    account: Option<Account>,
    verify: Option<Verify>,
    #[serde(default)]
    token_routes: Vec<TokenRoute>,
    #[serde(default)]
    closed: Vec<String>,
    #[serde(default)]
    allow_below: Vec<String>,
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
            account: it.account,
            verify: it.verify,
            token_routes: it.token_routes,
            closed: it.closed,
            allow_below: it.allow_below,
        }
    }
}
