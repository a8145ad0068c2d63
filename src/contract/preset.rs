//! The presets: contracts of well-known servers, as data files.

use serde_json::Value;

use super::Contract;

/// The names that `api.contract` accepts.
pub const NAMES: [&str; 2] = ["demo", "feathers"];

/// There is no preset of this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no contract `{0}`: choose one of demo, feathers, or describe yours under [api.contract]")]
pub struct UnknownPreset(String);

/// The preset as its file describes it.
pub(super) fn find(name: &str) -> Result<Value, UnknownPreset> {
    let text = match name {
        "demo" => include_str!("demo.toml"),
        "feathers" => include_str!("feathers.toml"),
        _ => return Err(UnknownPreset(name.into())),
    };
    // The files are part of the program, and a test reads each.
    toml::from_str(text).map_err(|_| UnknownPreset(name.into()))
}

/// Lays `over` upon `base`: tables are merged, anything else replaces.
pub(super) fn merge(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let below = base.remove(&key).unwrap_or(Value::Null);
                base.insert(key, merge(below, value));
            }
            Value::Object(base)
        }
        (_, over) => over,
    }
}

/// The demo API's contract.
#[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
pub(super) fn demo() -> Contract {
    Contract::try_from(Value::String("demo".into())).expect("the demo preset is well-formed")
}
