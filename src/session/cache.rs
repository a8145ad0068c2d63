//! What caches between the server and the browser may keep of an answer.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// Forbids to keep an answer that sets a cookie, whatever its handler or upstream says: a cache would hand one
/// person's session to the next. Fields by which some caches are told otherwise go (RFC 9213 and its forerunners).
pub(super) fn forbid(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, PRIVATE);
    let others: Vec<HeaderName> = headers.keys().filter(|name| overrides(name.as_str())).cloned().collect();
    for name in others {
        headers.remove(name);
    }
    vary_by_cookie(headers);
}

/// An answer made for one person is kept by no cache (RFC 9111 §5.2.2.5), unless its handler knew
/// better.
pub(super) fn mark_private(headers: &mut HeaderMap) {
    headers.entry(header::CACHE_CONTROL).or_insert(PRIVATE);
    vary_by_cookie(headers);
}

/// Whether some caches prefer a field to `Cache-Control`.
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
    fn nothing_speaks_for_a_cache_any_more() {
        let mut answer = headers(&[
            ("cache-control", "public, max-age=3600"),
            ("cdn-cache-control", "max-age=3600"),
            ("cloudflare-cdn-cache-control", "max-age=3600"),
            ("surrogate-control", "max-age=3600"),
            ("x-accel-expires", "3600"),
            ("expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
            ("etag", "\"1\""),
            ("vary", "Accept"),
        ]);
        forbid(&mut answer);
        let mut names: Vec<_> = answer.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["cache-control", "etag", "vary"]);
        assert_eq!(answer[header::CACHE_CONTROL], "private, no-store");
        assert_eq!(answer.get_all(header::VARY).iter().collect::<Vec<_>>(), ["Accept", "Cookie"]);
    }

    #[test]
    fn a_handler_may_know_better_when_no_cookie_is_set() {
        let mut answer = headers(&[("cache-control", "max-age=60"), ("vary", "cookie")]);
        mark_private(&mut answer);
        assert_eq!(answer[header::CACHE_CONTROL], "max-age=60");
        assert_eq!(answer.get_all(header::VARY).iter().count(), 1);
        let mut answer = HeaderMap::new();
        mark_private(&mut answer);
        assert_eq!(answer[header::CACHE_CONTROL], "private, no-store");
    }
}
