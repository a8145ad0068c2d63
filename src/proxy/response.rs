//! The header fields of a response, from what the upstream sent to what the client gets.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{hop_by_hop, route::Route, upstream_location};
use crate::{config::proxy::CachePolicy, cookie_name::is_own_cookie};

const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
/// Fields that no trailer may have.
const OF_THE_HEAD: [HeaderName; 14] = [
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_LOCATION,
    header::CONTENT_RANGE,
    header::CONTENT_SECURITY_POLICY,
    header::CONTENT_TYPE,
    header::LOCATION,
    header::SET_COOKIE,
    header::TRAILER,
    header::VARY,
    header::VIA,
    header::WWW_AUTHENTICATE,
    header::X_CONTENT_TYPE_OPTIONS,
];
const COOKIE: HeaderValue = HeaderValue::from_static("Cookie");

/// Fields of a response that stop here, by their lower-case name.
///
/// - those of one connection (RFC 9110 §7.6.1)
/// - those that speak for a whole origin. The upstream has an origin of its own; from here they
///   would close it to http, clear its storage, open it to other sites or lead its visitors away.
///   `Refresh` leads away as well, by a reference that nothing here has resolved.
fn is_withheld(name: &str) -> bool {
    match name {
        "alt-svc"
        | "clear-site-data"
        | "nel"
        | "public-key-pins"
        | "refresh"
        | "report-to"
        | "reporting-endpoints"
        | "service-worker-allowed"
        | "set-cookie2"
        | "strict-transport-security" => true,
        _ => hop_by_hop::is_hop_by_hop(name) || name.starts_with("proxy-") || name.starts_with("access-control-"),
    }
}

/// Removes what an upstream may not say to the browser.
pub(super) fn withhold(headers: &mut HeaderMap, route: &Route) {
    let mut withheld = hop_by_hop::named(headers);
    withheld.extend(headers.keys().filter(|name| is_withheld(name.as_str())).cloned());
    for name in &withheld {
        headers.remove(name);
    }
    if headers.contains_key(header::SET_COOKIE) {
        keep_allowed_cookies(headers, route);
    }
}

fn keep_allowed_cookies(headers: &mut HeaderMap, route: &Route) {
    let header::Entry::Occupied(entry) = headers.entry(header::SET_COOKIE) else { return };
    let (_, values) = entry.remove_entry_mult();
    let kept: Vec<HeaderValue> = values.filter(|value| is_allowed(value.as_bytes(), route)).collect();
    for value in kept {
        headers.append(header::SET_COOKIE, value);
    }
}

/// `name=value; attributes` with a name that is on the list (RFC 6265 §5.2).
fn is_allowed(cookie: &[u8], route: &Route) -> bool {
    let pair = cookie.split(|byte| *byte == b';').next().unwrap_or_default();
    let Some(end) = pair.iter().position(|byte| *byte == b'=') else { return false };
    let name = pair[..end].trim_ascii();
    !is_own_cookie(&route.own_cookie, name) && route.allow_set_cookie.iter().any(|it| it.as_bytes() == name)
}

/// Removes from trailers what an upstream may not say to the browser, and what a head says once and for all: which body it
/// is, who may keep it, what a page may do with it (RFC 9110 §6.5.1).
pub(super) fn withhold_from_trailers(trailers: &mut HeaderMap, route: &Route) {
    withhold(trailers, route);
    for name in OF_THE_HEAD {
        trailers.remove(name);
    }
}

/// Rewrites the fields that hold a reference, in a response to a call for `asked`.
pub(super) fn relocate(headers: &mut HeaderMap, here: &Route, asked: &str, routes: &[Route], proxy_prefix: &str) {
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        let Some(value) = headers.get(&name) else { continue };
        let places: Vec<_> = routes.iter().map(Route::place).collect();
        let rewritten = value
            .to_str()
            .ok()
            .and_then(|text| upstream_location::rewrite(text, here.place(), asked, &places, proxy_prefix))
            .and_then(|text| HeaderValue::try_from(text).ok());
        match rewritten {
            Some(value) => drop(headers.insert(name, value)),
            None => drop(headers.remove(name)),
        }
    }
}

/// Makes a response harmless in the browser, and sets which caches may keep it.
///
/// `Vary: Cookie` is on each, as the same path responds differently with and without a session
/// (RFC 9110 §12.5.5).
pub(super) fn protect(headers: &mut HeaderMap, route: &Route, with_token: bool) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if let Some(csp) = &route.csp {
        headers.insert(header::CONTENT_SECURITY_POLICY, csp.clone());
    }
    if with_token && route.cache_control == CachePolicy::NoStore {
        headers.insert(header::CACHE_CONTROL, NO_STORE);
    }
    if !hop_by_hop::has_token(headers, &header::VARY, b"cookie") {
        headers.append(header::VARY, COOKIE);
    }
}

/// For how many seconds the upstream says it keeps the connection (RFC 9112 §9.3, `Keep-Alive`).
pub(super) fn keep_alive(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(KEEP_ALIVE)?.to_str().ok()?;
    value.split(',').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("timeout").then(|| value.trim().parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::ProxyConfig, proxy::TokenFilter};

    fn route(change: impl FnOnce(&mut ProxyConfig)) -> Route {
        let mut config = ProxyConfig::default();
        change(&mut config);
        Route::default_one(
            &"http://api.internal".parse().unwrap(),
            &config,
            &[],
            &std::sync::Arc::new(TokenFilter::new(&[])),
        )
        .unwrap()
    }

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn keeps_only_allowed_cookies_and_never_its_own() {
        let mut route = route(|config| config.allow_set_cookie = vec!["lang".into(), "theme".into()]);
        route.allow_set_cookie.extend(["vestibule".into(), "vestibule-known".into()]);
        let mut headers = headers(&[
            ("set-cookie", "lang=en; Path=/"),
            ("set-cookie", "sid=1"),
            ("set-cookie", " theme = dark"),
            ("set-cookie", "vestibule=forged"),
            ("set-cookie", "vestibule-known=forged"),
            ("set-cookie", "lang"),
            ("set-cookie", "LANG=en"),
        ]);
        withhold(&mut headers, &route);
        let kept: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(kept, ["lang=en; Path=/", " theme = dark"]);
    }

    #[test]
    fn drops_what_speaks_for_an_origin() {
        let mut headers = headers(&[
            ("strict-transport-security", "max-age=1"),
            ("clear-site-data", "*"),
            ("alt-svc", "h3=\":443\""),
            ("access-control-allow-origin", "*"),
            ("proxy-authenticate", "Basic"),
            ("connection", "x-internal"),
            ("x-internal", "1"),
            ("etag", "\"1\""),
            ("server", "api"),
        ]);
        withhold(&mut headers, &route(|_| ()));
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["etag", "server"]);
    }

    #[test]
    fn protects_and_can_be_relaxed() {
        let upstream =
            [("cache-control", "max-age=60"), ("content-security-policy", "img-src *"), ("vary", "Accept, COOKIE")];
        let mut strict = headers(&upstream);
        protect(&mut strict, &route(|_| ()), true);
        assert_eq!(strict[header::CACHE_CONTROL], "private, no-store");
        assert_eq!(strict[header::CONTENT_SECURITY_POLICY], "sandbox; default-src 'none'");
        assert_eq!(strict[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(strict.get_all(header::VARY).iter().count(), 1);

        let relaxed = route(|config| {
            config.response_csp = String::new();
            config.cache_control = CachePolicy::Upstream;
        });
        let mut headers = headers(&upstream[..2]);
        protect(&mut headers, &relaxed, true);
        assert_eq!(headers[header::CACHE_CONTROL], "max-age=60");
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "img-src *");
        assert_eq!(headers[header::VARY], "Cookie");
    }

    #[test]
    fn leaves_caching_of_public_answers_to_the_upstream() {
        let mut headers = headers(&[("cache-control", "max-age=60")]);
        protect(&mut headers, &route(|_| ()), false);
        assert_eq!(headers[header::CACHE_CONTROL], "max-age=60");
    }

    #[test]
    fn reads_how_long_a_connection_is_kept() {
        assert_eq!(keep_alive(&headers(&[("keep-alive", "max=5, Timeout = 7")])), Some(7));
        assert_eq!(keep_alive(&headers(&[("keep-alive", "timeout=soon")])), None);
        assert_eq!(keep_alive(&headers(&[])), None);
    }
}
