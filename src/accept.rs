//! The media types that a client asks for.

use http::{HeaderMap, HeaderValue, header};

/// Whether the client wants an HTML page rather than data: whether `Accept` contains `text/html` (RFC 9110 §12.5.1).
///
/// ```
/// use http::{HeaderMap, HeaderValue, header};
/// use vestibule::accept::wants_page;
///
/// let accept = |kinds| HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(kinds))]);
/// assert!(wants_page(&accept("text/html,*/*;q=0.8")));
/// assert!(!wants_page(&accept("application/json")));
/// ```
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accepts_html = |value: &HeaderValue| {
        let mut kinds = value.as_bytes().split(|byte| matches!(byte, b',' | b';'));
        kinds.any(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/html"))
    };
    headers.get_all(header::ACCEPT).iter().any(accepts_html)
}
