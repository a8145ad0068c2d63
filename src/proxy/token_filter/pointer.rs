//! JSON pointers (RFC 6901) to tokens.

/// A JSON pointer, cut into its segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    text: String,
    segments: Vec<String>,
}

impl Pointer {
    pub(super) fn new(text: &str) -> Self {
        let plain = |segment: &str| segment.replace("~1", "/").replace("~0", "~");
        Self { text: text.to_owned(), segments: text.split('/').skip(1).map(plain).collect() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The last name in it, as JSON has it in quotes; `None` when it ends with the number of an item.
    pub(super) fn key(&self) -> Option<Vec<u8>> {
        let last = self.segments.last()?;
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        serde_json::to_vec(last).ok()
    }
}
