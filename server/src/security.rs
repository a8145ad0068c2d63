//! The security headers of answers. The page's own Content-Security-Policy, with its
//! nonce, comes from the app.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Two years, as the preload list asks (RFC 6797 §6.1).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

const NOSNIFF: (HeaderName, HeaderValue) = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
const SAME_ORIGIN: (HeaderName, HeaderValue) =
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));

/// What rules the documents that this server makes. An answer of the API is data: it gets a policy by which it is
/// no document at all, from the proxy.
const PAGE: [(HeaderName, HeaderValue); 3] = [
    // `no-referrer` would lose the way back of a failed form without JavaScript.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Adds the headers of a page, unless its handler has set its own.
pub(crate) fn add_to_page(headers: &mut HeaderMap, https: bool) {
    add(headers, PAGE);
    add_to_data(headers, https);
}

/// Adds the headers that every answer gets, unless the API has set its own.
pub(crate) fn add_to_data(headers: &mut HeaderMap, https: bool) {
    add(headers, [NOSNIFF, SAME_ORIGIN]);
    if https {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HSTS);
    }
}

fn add<const N: usize>(headers: &mut HeaderMap, fields: [(HeaderName, HeaderValue); N]) {
    for (name, value) in fields {
        headers.entry(name).or_insert(value);
    }
}
