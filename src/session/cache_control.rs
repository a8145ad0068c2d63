//! The caching rules of responses.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// Forbids caching a response that sets a cookie, whatever its handler or upstream says: a cache would give one user's
/// session to the next. Removes headers that override `Cache-Control` in some caches (RFC 9213 and its predecessors).
pub(super) fn forbid_caching(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, PRIVATE);
    let others: Vec<HeaderName> = headers.keys().filter(|name| overrides(name.as_str())).cloned().collect();
    for name in others {
        headers.remove(name);
    }
    vary_by_cookie(headers);
}

/// Forbids caching a response for one user (RFC 9111 §5.2.2.5), unless its handler has set `Cache-Control`.
pub(super) fn mark_private(headers: &mut HeaderMap) {
    headers.entry(header::CACHE_CONTROL).or_insert(PRIVATE);
    vary_by_cookie(headers);
}

/// Whether a header overrides `Cache-Control` in some caches.
fn overrides(name: &str) -> bool {
    matches!(name, "edge-control" | "expires" | "surrogate-control" | "x-accel-expires" | "x-litespeed-cache-control")
        || name.ends_with("cdn-cache-control")
}

fn vary_by_cookie(headers: &mut HeaderMap) {
    let varies = headers
        .get_all(header::VARY)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|name| name.trim().eq_ignore_ascii_case("cookie")));
    if !varies {
        headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn removes_all_permission_to_cache() {
        let mut response = headers(&[
            ("cache-control", "public, max-age=3600"),
            ("cdn-cache-control", "max-age=3600"),
            ("cloudflare-cdn-cache-control", "max-age=3600"),
            ("surrogate-control", "max-age=3600"),
            ("x-accel-expires", "3600"),
            ("expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
            ("etag", "\"1\""),
            ("vary", "Accept"),
        ]);
        forbid_caching(&mut response);
        let mut names: Vec<_> = response.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["cache-control", "etag", "vary"]);
        assert_eq!(response[header::CACHE_CONTROL], "private, no-store");
        assert_eq!(response.get_all(header::VARY).iter().collect::<Vec<_>>(), ["Accept", "Cookie"]);
    }

    #[test]
    fn a_handler_may_allow_caching_if_no_cookie_is_set() {
        let mut response = headers(&[("cache-control", "max-age=60"), ("vary", "cookie")]);
        mark_private(&mut response);
        assert_eq!(response[header::CACHE_CONTROL], "max-age=60");
        assert_eq!(response.get_all(header::VARY).iter().count(), 1);
        let mut response = HeaderMap::new();
        mark_private(&mut response);
        assert_eq!(response[header::CACHE_CONTROL], "private, no-store");
    }
}
