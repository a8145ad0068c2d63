//! The presets: contracts of well-known servers, as data files.

use serde_json::Value;

use super::Contract;

/// The names that `api.contract` accepts.
pub const NAMES: [&str; 5] = ["demo", "feathers", "nestjs", "auth-token", "oauth2-password"];

/// There is no preset of this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no contract `{0}`: choose one of {names}, or describe yours under [api.contract]", names = NAMES.join(", "))]
pub struct UnknownPreset(String);

/// The preset as its file describes it.
pub(super) fn find(name: &str) -> Result<Value, UnknownPreset> {
    let text = match name {
        "demo" => include_str!("demo.toml"),
        "feathers" => include_str!("feathers.toml"),
        "nestjs" => include_str!("nestjs.toml"),
        "auth-token" => include_str!("auth-token.toml"),
        "oauth2-password" => include_str!("oauth2-password.toml"),
        _ => return Err(UnknownPreset(name.into())),
    };
    // The files are part of the program, and a test reads each.
    toml::from_str(text).map_err(|_| UnknownPreset(name.into()))
}

/// The demo API's contract.
#[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
pub(super) fn demo() -> Contract {
    Contract::try_from(Value::String("demo".into())).expect("the demo preset is well-formed")
}
