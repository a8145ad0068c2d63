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

/// A JSON text for a `<script type="application/json">`: nothing in it ends the element (HTML §13.1.2.1) or
/// a line of a script. Such characters stand in strings alone, where an escape means the same (RFC 8259 §7).
#[cfg(feature = "ssr")]
pub(crate) fn in_page(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::{in_page, read, write};

    #[test]
    fn ends_no_element_and_stays_the_same() {
        let text = "</script><!-- <script> \u{2028}\u{2029} \\ \" ü".to_owned();
        let written = in_page(&write(&text).unwrap());
        assert!(!written.contains(['<', '\u{2028}', '\u{2029}']), "{written}");
        assert_eq!(read::<String>(&written), Some(text));
    }
}
