//! Tokens that the API rightly gives to pages.

use super::jwt::Kind;

/// The setting that lets every JWT pass except those of the session's own kind.
const ANY: &str = "any";

/// The tokens that a route lets pass, as `page_tokens` says.
#[derive(Debug, Default)]
pub(in crate::proxy) struct PageTokens {
    any: bool,
    /// Values of the claims `iss` or `aud`, or of the header's `typ`.
    values: Vec<String>,
    /// JSON pointers of token places.
    places: Vec<String>,
}

impl PageTokens {
    /// Reads the setting: JSON pointers begin with `/`.
    pub(super) fn new(setting: &[String]) -> Self {
        let mut it = Self::default();
        for text in setting {
            match text.as_str() {
                ANY => it.any = true,
                place if place.starts_with('/') => it.places.push(text.clone()),
                _ => it.values.push(text.clone()),
            }
        }
        it
    }

    /// Whether there are JWTs that pass.
    pub(super) fn pass_some(&self) -> bool {
        self.any || !self.values.is_empty()
    }

    /// Whether a JWT of this kind passes.
    pub(super) fn pass(&self, kind: &Kind) -> bool {
        let named = |value: &str| self.values.iter().any(|it| it == value);
        self.any
            || kind.typ.as_deref().is_some_and(named)
            || kind.issuer.as_deref().is_some_and(named)
            || kind.audience.iter().any(|it| named(it))
    }

    /// Whether a text at the token place `pointer` passes.
    pub(super) fn pass_at(&self, pointer: &str) -> bool {
        self.places.iter().any(|it| it == pointer)
    }
}
