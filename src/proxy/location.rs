//! `Location` and `Content-Location` of an upstream, as the browser has to follow them.

use std::borrow::Cow;

use url::Url;

/// A part of an upstream that is reached through the proxy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) https: bool,
    /// The upstream's host name, or address without brackets.
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// The upstream's base path, without a trailing slash.
    pub(super) base: &'a str,
    /// The prefix below the proxy's own.
    pub(super) prefix: &'a str,
}

/// Rewrites a reference (RFC 9110 §10.2.2) that an answer from `here` has.
///
/// - On the upstream itself, or on another one that the proxy reaches: the path through the proxy.
/// - On an upstream, but outside of what the proxy reaches: `None`. As it stands it would name a
///   page of this server, or an internal host.
/// - Elsewhere, or relative to the answer's own path: as it is.
pub(super) fn rewrite<'a>(
    location: &'a str,
    here: Place<'_>,
    places: &[Place<'_>],
    proxy_prefix: &str,
) -> Option<Cow<'a, str>> {
    let (server, path) = match split(location) {
        Reference::Relative => return Some(Cow::Borrowed(location)),
        Reference::Path => ((here.https, here.host.to_owned(), here.port), location),
        Reference::Authority(rest) => {
            let scheme = if here.https { "https:" } else { "http:" };
            let Some(server) = server(&format!("{scheme}{location}")) else { return Some(Cow::Borrowed(location)) };
            (server, path_of(rest))
        }
        Reference::Absolute(rest) => {
            let Some(server) = server(location) else { return Some(Cow::Borrowed(location)) };
            (server, path_of(rest))
        }
    };
    let on_server =
        |place: &&Place<'_>| (place.https, place.host, place.port) == (server.0, server.1.as_str(), server.2);
    let mut known = places.iter().filter(on_server).peekable();
    if known.peek().is_none() {
        return Some(Cow::Borrowed(location));
    }
    known
        .filter_map(|place| Some((place, below(place.base, path)?)))
        // The longest base tells most exactly; of equals, the place where the answer came from.
        .max_by_key(|(place, _)| (place.base.len(), place.prefix == here.prefix))
        .map(|(place, rest)| Cow::Owned(format!("{proxy_prefix}{}{rest}", place.prefix)))
}

enum Reference<'a> {
    /// `scheme://…`, with what follows the slashes.
    Absolute(&'a str),
    /// `//…`, with what follows the slashes.
    Authority(&'a str),
    /// `/…`
    Path,
    /// Anything else: a relative path, a query, another scheme's URI.
    Relative,
}

fn split(location: &str) -> Reference<'_> {
    if let Some(rest) = location.strip_prefix("//") {
        return Reference::Authority(rest);
    }
    if location.starts_with('/') {
        return Reference::Path;
    }
    match location.split_once("://") {
        Some((scheme, rest)) if ["http", "https"].iter().any(|it| scheme.eq_ignore_ascii_case(it)) => {
            Reference::Absolute(rest)
        }
        _ => Reference::Relative,
    }
}

/// From the path on, of what follows the slashes before an authority.
fn path_of(rest: &str) -> &str {
    rest.find(['/', '?', '#']).map_or("", |at| &rest[at..])
}

fn server(location: &str) -> Option<(bool, String, u16)> {
    let url = Url::parse(location).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    Some((url.scheme() == "https", host, url.port_or_known_default()?))
}

/// What follows `base` in `path`, when it lies below.
fn below<'a>(base: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(base)?;
    (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: Place<'static> = Place { https: false, host: "api.internal", port: 4000, base: "/v1", prefix: "" };
    const FILES: Place<'static> = Place { https: true, host: "files.internal", port: 443, base: "", prefix: "/files" };
    const ADMIN: Place<'static> = Place { base: "/v1/admin", prefix: "/admin", ..API };

    fn rewritten(location: &str) -> Option<String> {
        rewrite(location, API, &[API, FILES, ADMIN], "/api/proxy").map(Cow::into_owned)
    }

    #[test]
    fn leads_references_to_an_upstream_through_the_proxy() {
        for (location, expected) in [
            ("http://api.internal:4000/v1/notes/1?a=b#c", "/api/proxy/notes/1?a=b#c"),
            ("HTTP://API.internal:4000/v1/notes", "/api/proxy/notes"),
            ("//api.internal:4000/v1/notes/", "/api/proxy/notes/"),
            ("/v1/notes/%2F", "/api/proxy/notes/%2F"),
            ("/v1", "/api/proxy"),
            ("/v1?page=2", "/api/proxy?page=2"),
            ("https://files.internal/a.pdf", "/api/proxy/files/a.pdf"),
            ("https://files.internal:443", "/api/proxy/files"),
            ("/v1/admin/x", "/api/proxy/admin/x"),
        ] {
            assert_eq!(rewritten(location).as_deref(), Some(expected), "{location}");
        }
    }

    #[test]
    fn passes_references_elsewhere_and_relative_ones() {
        for location in [
            "https://other.example/v1/notes",
            "https://api.internal:4000/v1/notes",
            "http://api.internal/v1/notes",
            "//cdn.example/x",
            "notes/2",
            "../2",
            "?page=2",
            "#top",
            "",
            "mailto:ada@example.com",
            "http://[bad",
        ] {
            assert_eq!(rewritten(location).as_deref(), Some(location), "{location}");
        }
    }

    #[test]
    fn drops_what_the_proxy_does_not_reach() {
        for location in ["/login", "/v10/notes", "http://api.internal:4000/", "//api.internal:4000/v2"] {
            assert_eq!(rewritten(location), None, "{location}");
        }
    }
}
