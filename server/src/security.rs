//! The security headers of answers. The page's own Content-Security-Policy, with its
//! nonce, comes from the app.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};
use vestibule::config::ConfigError;

/// What the preload list of browsers asks for at least: a year, in seconds (hstspreload.org).
const PRELOAD_AGE: u64 = 31_536_000;

/// `[hsts]`: `Strict-Transport-Security` (RFC 6797), which is sent when `public_url` is https.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HstsSettings {
    /// For how long browsers use https alone, in seconds; 0 ends it.
    pub(crate) max_age: u64,
    /// Whether that holds for all hosts below this one too, which may not be Vestibule's.
    pub(crate) include_subdomains: bool,
    /// Whether browsers may have this host on the list that they are shipped with.
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
            let problem =
                format!("wants `include_subdomains = true` and `max_age` of at least {PRELOAD_AGE}: set them");
            return Err(ConfigError::new("hsts.preload", problem));
        }
        Ok(())
    }

    /// The field's value.
    pub(crate) fn value(self) -> Option<HeaderValue> {
        let subdomains = if self.include_subdomains { "; includeSubDomains" } else { "" };
        let preload = if self.preload { "; preload" } else { "" };
        HeaderValue::try_from(format!("max-age={}{subdomains}{preload}", self.max_age)).ok()
    }
}

const NOSNIFF: (HeaderName, HeaderValue) = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
const SAME_ORIGIN: (HeaderName, HeaderValue) =
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));

/// What rules documents. One in a sandbox, as the proxy makes those of the API, has no use for it.
const PAGE: [(HeaderName, HeaderValue); 3] = [
    // `no-referrer` would lose the way back of a failed form without JavaScript.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Adds the headers that an answer gets, unless its handler or the API has set its own.
///
/// `hsts` is there on https.
pub(crate) fn add(headers: &mut HeaderMap, hsts: Option<&HeaderValue>) {
    if !is_in_sandbox(headers) {
        add_all(headers, PAGE);
    }
    add_all(headers, [NOSNIFF, SAME_ORIGIN]);
    if let Some(hsts) = hsts {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert_with(|| hsts.clone());
    }
}

/// Whether the answer, shown as a document, has no origin and runs nothing.
fn is_in_sandbox(headers: &HeaderMap) -> bool {
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
    fn rules_documents_of_this_origin() {
        assert!(has_policy(&[]) && has_policy(&[(header::CONTENT_SECURITY_POLICY, "default-src 'self'")]));
        assert!(!has_policy(&[(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")]));
    }

    #[test]
    fn speaks_for_this_host_alone_unless_told_otherwise() {
        let value = |settings: HstsSettings| settings.value().unwrap();
        assert_eq!(value(HstsSettings::default()), "max-age=63072000");
        let all = HstsSettings { include_subdomains: true, preload: true, ..HstsSettings::default() };
        assert_eq!(value(all), "max-age=63072000; includeSubDomains; preload");
        let mut headers = HeaderMap::new();
        add(&mut headers, Some(&value(all)));
        assert_eq!(headers[header::STRICT_TRANSPORT_SECURITY], value(all));
    }

    #[test]
    fn is_on_no_list_by_halves() {
        let preload = HstsSettings { preload: true, ..HstsSettings::default() };
        let all = HstsSettings { include_subdomains: true, ..preload };
        assert!(all.validate().is_ok() && HstsSettings::default().validate().is_ok());
        assert!(preload.validate().unwrap_err().to_string().contains("include_subdomains"));
        assert!(HstsSettings { max_age: 60, ..all }.validate().is_err());
    }
}
