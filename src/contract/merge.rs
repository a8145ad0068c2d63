//! Lays an override upon a preset.

use serde_json::Value;

/// Keys whose table is one choice among several: an override replaces it whole.
const CHOICES: [&str; 5] = ["access_token", "credential", "refresh_token", "rolled", "send"];

/// Lays `over` upon `base`: tables are merged, anything else replaces.
pub(super) fn merge(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let below = base.remove(&key).unwrap_or(Value::Null);
                let merged = if CHOICES.contains(&key.as_str()) { value } else { merge(below, value) };
                base.insert(key, merged);
            }
            Value::Object(base)
        }
        (_, over) => over,
    }
}
