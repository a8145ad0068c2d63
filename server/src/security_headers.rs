//! The security headers of responses. The pages' Content-Security-Policy, with its nonce, comes from the app.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};
use vestibule::config::ConfigError;

/// The minimum `max-age` for the browsers' preload list: a year, in seconds (hstspreload.org).
const PRELOAD_AGE: u64 = 31_536_000;

/// `[hsts]`: `Strict-Transport-Security` (RFC 6797), which is sent when `public_url` is https.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HstsSettings {
    /// How long browsers use only https, in seconds; 0 ends it.
    pub(crate) max_age: u64,
    /// Whether this also applies to all subdomains, which other servers may serve.
    pub(crate) include_subdomains: bool,
    /// Whether browsers may include this host in their built-in preload list.
    pub(crate) preload: bool,
}

impl Default for HstsSettings {
    fn default() -> Self {
        Self { max_age: 2 * PRELOAD_AGE, include_subdomains: false, preload: false }
    }
}

impl HstsSettings {
    pub(crate) fn validate(self) -> Result<(), ConfigError> {
        if self.preload && !(self.include_subdomains && self.max_age >= PRELOAD_AGE) {
            let message =
                format!("requires `include_subdomains = true` and a `max_age` of at least {PRELOAD_AGE}: set them");
            return Err(ConfigError::new("hsts.preload", message));
        }
        Ok(())
    }

    /// The header's value.
    pub(crate) fn value(self) -> Option<HeaderValue> {
        let subdomains = if self.include_subdomains { "; includeSubDomains" } else { "" };
        let preload = if self.preload { "; preload" } else { "" };
        HeaderValue::try_from(format!("max-age={}{subdomains}{preload}", self.max_age)).ok()
    }
}

const NOSNIFF: (HeaderName, HeaderValue) = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
const SAME_ORIGIN: (HeaderName, HeaderValue) =
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));

/// The headers that only affect documents. They have no effect on sandboxed documents, such as the API's proxied ones.
const DOCUMENT: [(HeaderName, HeaderValue); 3] = [
    // With `no-referrer`, a failed form without JavaScript could not return to its page.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Adds the security headers that the handler or the API has not set.
///
/// `hsts` is set on https.
pub(crate) fn add(headers: &mut HeaderMap, hsts: Option<&HeaderValue>) {
    if !is_sandboxed(headers) {
        add_all(headers, DOCUMENT);
    }
    add_all(headers, [NOSNIFF, SAME_ORIGIN]);
    if let Some(hsts) = hsts {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert_with(|| hsts.clone());
    }
}

/// Whether the response, shown as a document, has an opaque origin and runs no scripts.
fn is_sandboxed(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_SECURITY_POLICY).is_some_and(|policy| policy.as_bytes().starts_with(b"sandbox"))
}

fn add_all<const N: usize>(headers: &mut HeaderMap, fields: [(HeaderName, HeaderValue); N]) {
    for (name, value) in fields {
        headers.entry(name).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_policy(fields: &[(HeaderName, &'static str)]) -> bool {
        let mut headers: HeaderMap =
            fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        add(&mut headers, None);
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        headers.contains_key("permissions-policy")
    }

    #[test]
    fn only_documents_of_this_origin_get_the_document_headers() {
        assert!(has_policy(&[]) && has_policy(&[(header::CONTENT_SECURITY_POLICY, "default-src 'self'")]));
        assert!(!has_policy(&[(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")]));
    }

    #[test]
    fn hsts_covers_only_this_host_by_default() {
        let value = |settings: HstsSettings| settings.value().unwrap();
        assert_eq!(value(HstsSettings::default()), "max-age=63072000");
        let all = HstsSettings { include_subdomains: true, preload: true, ..HstsSettings::default() };
        assert_eq!(value(all), "max-age=63072000; includeSubDomains; preload");
        let mut headers = HeaderMap::new();
        add(&mut headers, Some(&value(all)));
        assert_eq!(headers[header::STRICT_TRANSPORT_SECURITY], value(all));
    }

    #[test]
    fn preload_requires_subdomains_and_a_year() {
        let preload = HstsSettings { preload: true, ..HstsSettings::default() };
        let all = HstsSettings { include_subdomains: true, ..preload };
        assert!(all.validate().is_ok() && HstsSettings::default().validate().is_ok());
        assert!(preload.validate().unwrap_err().to_string().contains("include_subdomains"));
        assert!(HstsSettings { max_age: 60, ..all }.validate().is_err());
    }
}
