//! JSON: read by `serde_json` on the server, and in the browser by its own parser, as a second one
//! would be a tenth of all that a first visit loads.

#[cfg(not(feature = "ssr"))]
mod from_js;

use serde::{Serialize, de::DeserializeOwned};

/// Reads a text. `None` when it is not the JSON that was asked for.
#[cfg(feature = "ssr")]
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// Reads a text. `None` when it is not the JSON that was asked for.
#[cfg(not(feature = "ssr"))]
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    let value = js_sys::JSON::parse(text).ok()?;
    T::deserialize(from_js::FromJs(value)).ok()
}

/// Writes a value as a text.
pub(crate) fn write(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}
