//! `Location` and `Content-Location` of an upstream, as the browser has to follow them.
//!
//! A reference is resolved first, the way browsers do it (WHATWG URL): dot segments, also encoded ones, backslashes
//! and tabs. What comes out is judged by the rules for targets, and rewritten.

use url::{Host, Position, Url};

use super::target;

/// A part of an upstream that is reached through the proxy.
#[derive(Clone, Copy, Debug)]
pub(super) struct UpstreamLocation<'a> {
    pub(super) https: bool,
    /// The upstream's host name, or address without brackets.
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// The upstream's base path, without a trailing slash.
    pub(super) base: &'a str,
    /// The prefix below the proxy's own.
    pub(super) prefix: &'a str,
}

/// Schemes that run or hold content of their own. No API has to lead anybody there.
const CONTENT: [&str; 6] = ["javascript", "vbscript", "data", "blob", "filesystem", "view-source"];

/// Rewrites a reference (RFC 9110 §10.2.2) that a response from `here` has. `asked` is the path and query that the
/// upstream was asked for, which relative references start from.
///
/// - On the upstream itself, or on another one that the proxy reaches: the path through the proxy.
/// - On an upstream, but outside of what the proxy reaches, or a path that the proxy would refuse: `None`. As it
///   stands it would name a page of this server, or an internal host.
/// - Elsewhere: there.
pub(super) fn rewrite(
    location: &str,
    here: UpstreamLocation<'_>,
    asked: &str,
    places: &[UpstreamLocation<'_>],
    proxy_prefix: &str,
) -> Option<String> {
    let target = resolve(location, here, asked)?;
    let mut known = places.iter().filter(|place| place.is_on(&target)).peekable();
    if known.peek().is_none() {
        return (!CONTENT.contains(&target.scheme())).then(|| target.into());
    }
    let (place, rest) = known
        .filter_map(|place| Some((place, below(place.base, target.path())?)))
        // The longest base tells most exactly; of equals, the place where the response came from.
        .max_by_key(|(place, _)| (place.base.len(), place.prefix == here.prefix))?;
    target::check(rest).ok()?;
    Some(format!("{proxy_prefix}{}{rest}{}", place.prefix, &target[Position::AfterPath..]))
}

fn resolve(location: &str, here: UpstreamLocation<'_>, asked: &str) -> Option<Url> {
    let scheme = if here.https { "https" } else { "http" };
    let brackets = if here.host.contains(':') { ("[", "]") } else { ("", "") };
    let start = format!("{scheme}://{}{}{}:{}{asked}", brackets.0, here.host, brackets.1, here.port);
    Url::options().base_url(Some(&Url::parse(&start).ok()?)).parse(location).ok()
}

impl UpstreamLocation<'_> {
    fn is_on(&self, url: &Url) -> bool {
        let scheme = if self.https { "https" } else { "http" };
        let host = match url.host() {
            Some(Host::Domain(name)) => {
                name.trim_end_matches('.').eq_ignore_ascii_case(self.host.trim_end_matches('.'))
            }
            Some(Host::Ipv4(address)) => address.to_string() == self.host,
            Some(Host::Ipv6(address)) => address.to_string() == self.host,
            None => false,
        };
        host && url.scheme() == scheme && url.port_or_known_default() == Some(self.port)
    }
}

/// The part of `path` below `base`.
fn below<'a>(base: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(base)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: UpstreamLocation<'static> =
        UpstreamLocation { https: false, host: "api.internal", port: 4000, base: "/v1", prefix: "" };
    const FILES: UpstreamLocation<'static> =
        UpstreamLocation { https: true, host: "files.internal", port: 443, base: "", prefix: "/files" };
    const ADMIN: UpstreamLocation<'static> = UpstreamLocation { base: "/v1/admin", prefix: "/admin", ..API };

    fn rewritten(location: &str) -> Option<String> {
        rewrite(location, API, "/v1/notes/7?q=tea", &[API, FILES, ADMIN], "/api/proxy")
    }

    #[test]
    fn leads_references_to_an_upstream_through_the_proxy() {
        for (location, expected) in [
            ("http://api.internal:4000/v1/notes/1?a=b#c", "/api/proxy/notes/1?a=b#c"),
            ("HTTP://API.internal.:4000/v1/notes", "/api/proxy/notes"),
            ("http://ada:secret@api.internal:4000/v1/notes", "/api/proxy/notes"),
            ("//api.internal:4000/v1/notes/", "/api/proxy/notes/"),
            ("/v1/notes/%2F", "/api/proxy/notes/%2F"),
            ("/v1", "/api/proxy"),
            ("/v1?page=2", "/api/proxy?page=2"),
            ("https://files.internal/a.pdf", "/api/proxy/files/a.pdf"),
            ("https://files.internal:443", "/api/proxy/files/"),
            ("/v1/admin/x", "/api/proxy/admin/x"),
            ("8", "/api/proxy/notes/8"),
            ("./8", "/api/proxy/notes/8"),
            ("../notes", "/api/proxy/notes"),
            ("/v1/a/../b", "/api/proxy/b"),
            ("?page=2", "/api/proxy/notes/7?page=2"),
            ("#top", "/api/proxy/notes/7?q=tea#top"),
            ("", "/api/proxy/notes/7?q=tea"),
        ] {
            assert_eq!(rewritten(location).as_deref(), Some(expected), "{location}");
        }
    }

    #[test]
    fn passes_references_elsewhere() {
        for location in [
            "https://other.example/v1/notes",
            "https://api.internal:4000/v1/notes",
            "http://api.internal/v1/notes",
            "https://other.example/?to=//x/../y",
            "mailto:ada@example.com",
            "example-app://done",
        ] {
            assert_eq!(rewritten(location).as_deref(), Some(location), "{location}");
        }
        assert_eq!(rewritten("//cdn.example/x").as_deref(), Some("http://cdn.example/x"));
        assert_eq!(rewritten("/\\cdn.example/x").as_deref(), Some("http://cdn.example/x"), "as browsers read it");
    }

    #[test]
    fn drops_what_the_proxy_does_not_reach() {
        for location in [
            "/login",
            "/v10/notes",
            "http://api.internal:4000/",
            "//api.internal:4000/v2",
            "../../login",
            "../../../../login",
            "/v1/../login?x",
            "/v1/../../login",
            "/v1/%2e%2e/login",
            "/v1/.%2E/%2e./login",
            "/v1\\..\\login",
            "\t/v1/.\t./login",
            "http://api.internal:4000/v1/../login",
            "http:/v1/../login",
            "http:\\\\api.internal:4000\\v1\\..\\login",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://[bad",
        ] {
            assert_eq!(rewritten(location), None, "{location}");
        }
    }

    /// Whatever a later hop makes of them.
    #[test]
    fn drops_what_the_proxy_would_refuse() {
        for location in
            ["/v1/%252e%252e/login", "/v1/..%2flogin", "/v1/..;/login", "/v1/a%5c..", "/v1//login", "/v1/%00"]
        {
            assert_eq!(rewritten(location), None, "{location}");
        }
    }
}
