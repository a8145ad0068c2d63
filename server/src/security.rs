//! The security headers of answers. The page's own Content-Security-Policy, with its
//! nonce, comes from the app.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Two years, as the preload list asks (RFC 6797 §6.1).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

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
pub(crate) fn add(headers: &mut HeaderMap, https: bool) {
    if !is_in_sandbox(headers) {
        add_all(headers, PAGE);
    }
    add_all(headers, [NOSNIFF, SAME_ORIGIN]);
    if https {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HSTS);
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
        add(&mut headers, false);
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        headers.contains_key("permissions-policy")
    }

    #[test]
    fn rules_documents_of_this_origin() {
        assert!(has_policy(&[]) && has_policy(&[(header::CONTENT_SECURITY_POLICY, "default-src 'self'")]));
        assert!(!has_policy(&[(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")]));
    }
}
