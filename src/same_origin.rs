//! Protection against cross-site request forgery (CSRF).
//!
//! A browser sends its cookies with requests that another site's page makes it send. [`SameOrigin`] refuses them (403),
//! based on the browser's own headers about a request's origin, so that pages need no CSRF token:
//!
//! 1. Requests that can change something (any method but GET, HEAD and OPTIONS) must be same-origin:
//!    `Sec-Fetch-Site: same-origin` ([Fetch Metadata]), or, from a browser that does not send that header, an `Origin`
//!    that is exactly the configured public one (RFC 6454 §7). `none`, which browsers send for navigation from the
//!    address bar, is not enough: that is never a POST.
//! 2. WebSockets must have exactly that `Origin`, regardless of other headers (RFC 6455 §10.2): the same-origin policy
//!    does not apply to them, and not every browser sends the other header.
//! 3. GET, HEAD and OPTIONS below `/api/` are refused if they come from another site's page, so that it can neither
//!    embed nor time a user's data. Elsewhere they pass: other sites may link to pages, and GET changes nothing.
//!    [`SameOrigin::pass_links`] allows links below `/api/` as well, as an email may link to a file: a GET or HEAD that
//!    navigates a whole tab (`Sec-Fetch-Mode: navigate`, `Sec-Fetch-Dest: document`). `SameSite=Lax` makes the same
//!    distinction for cookies. Frames, fetches and images stay refused, and so do prefetches (`Sec-Purpose`).
//!    `Sec-Fetch-User` is not required: Safari never sends it, and any click on the other site's page sets it.
//! 4. A request with neither header does not come from a browser of this decade: all send `Origin` with a POST and a
//!    WebSocket. It passes if it has no cookie, as it then carries no user's authority (a script that logs in, a health
//!    check). With a cookie it is refused, as OWASP recommends: a program that holds a cookie can also send
//!    `Origin: <the public origin>`, and a browser behind a proxy that strips both headers stays safe.
//!
//! The public origin is configured. `Host` is not used, as any client can set it. A proxy in front must not remove
//! `Origin` and `Sec-Fetch-Site`.
//!
//! ```
//! use axum::{Router, routing::post};
//! use vestibule::same_origin::SameOrigin;
//!
//! let layer = SameOrigin::new(&"https://app.example".parse()?);
//! let app: Router = Router::new().route("/api/notes", post(|| async {})).layer(layer);
//! # Ok::<_, url::ParseError>(())
//! ```
//!
//! [Fetch Metadata]: https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use axum::response::{IntoResponse, Response};
use futures_util::future::{Either, Ready, ready};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use tower::{Layer, Service};
use url::Url;

use crate::{accept::wants_page, problem::ProblemDetails};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
pub(crate) const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// Refuses cross-site requests. A [`Layer`], to be the outermost one.
#[derive(Clone, Debug)]
pub struct SameOrigin(Arc<Rules>);

#[derive(Clone, Debug)]
struct Rules {
    /// The public origin, as browsers serialize it.
    origin: String,
    /// The path prefixes where cross-site reading is refused as well.
    guarded: Vec<String>,
    /// The path prefixes where links from other sites pass nevertheless.
    linked: Vec<String>,
}

/// In the extensions of a refusal that a browser would display, so that a server can replace it by its own page.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The problem details of the response.
    pub problem: ProblemDetails,
    /// The request's headers.
    pub request: HeaderMap,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// According to `Sec-Fetch-Site`, the request does not come from a page of this site.
    #[error("`Sec-Fetch-Site` is not `same-origin`")]
    Site,
    /// `Origin` is another origin.
    #[error("`Origin` is not the public origin")]
    Origin,
    /// The request has a cookie, but neither header.
    #[error("a cookie without `Origin` and `Sec-Fetch-Site`")]
    Unknown,
}

/// The meaning of one of the two headers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Provenance {
    /// The header is missing.
    Unknown,
    SameOrigin,
    /// `Sec-Fetch-Site: none`
    UserInitiated,
    OtherOrigin,
}

impl SameOrigin {
    /// Creates the layer for a server at `public_url`. Reading is guarded below `/api/`.
    pub fn new(public_url: &Url) -> Self {
        let origin = public_url.origin().ascii_serialization();
        Self(Arc::new(Rules { origin, guarded: vec!["/api".to_owned()], linked: Vec::new() }))
    }

    /// Guards reading below the path `prefix` as well.
    #[must_use]
    pub fn guard_reading(self, prefix: &str) -> Self {
        self.change(|rules| rules.guarded.push(prefix.trim_end_matches('/').to_owned()))
    }

    /// Allows links from other sites below the path `prefix`, although reading is guarded there: a GET or HEAD that navigates a
    /// whole tab.
    #[must_use]
    pub fn pass_links(self, prefix: &str) -> Self {
        self.change(|rules| rules.linked.push(prefix.trim_end_matches('/').to_owned()))
    }

    fn change(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Checks one request. Logs a refusal, and returns its response.
    pub(crate) fn refuse<B>(&self, request: &Request<B>) -> Option<Response> {
        let refusal = self.check(request).err()?;
        tracing::info!(method = %request.method(), path = request.uri().path(), reason = %refusal, "refused a cross-site request");
        let mut response = refusal.into_response();
        if wants_page(request.headers()) {
            let (problem, request) = (refusal.problem(), request.headers().clone());
            response.extensions_mut().insert(Refused { problem, request });
        }
        Some(response)
    }

    /// Checks one request.
    ///
    /// # Errors
    /// The reason of a refusal.
    pub fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let headers = request.headers();
        if is_web_socket(headers) {
            return self.0.check_web_socket(headers);
        }
        if is_safe(request.method()) {
            return self.0.check_reading(request);
        }
        match site(headers) {
            Provenance::SameOrigin => Ok(()),
            Provenance::Unknown => self.0.check_origin(headers),
            Provenance::UserInitiated | Provenance::OtherOrigin => Err(Refusal::Site),
        }
    }
}

impl Rules {
    fn check_web_socket(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match site(headers) {
            Provenance::SameOrigin | Provenance::Unknown => self.check_origin(headers),
            Provenance::UserInitiated | Provenance::OtherOrigin => Err(Refusal::Site),
        }
    }

    fn check_reading<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let (path, headers) = (request.uri().path(), request.headers());
        if !is_below(&self.guarded, path) {
            return Ok(());
        }
        match site(headers) {
            Provenance::OtherOrigin if is_link(request) && is_below(&self.linked, path) => Ok(()),
            Provenance::OtherOrigin => Err(Refusal::Site),
            // A plain GET has no `Origin`, so only a foreign one is significant.
            Provenance::Unknown if self.origin(headers) == Provenance::OtherOrigin => Err(Refusal::Origin),
            Provenance::SameOrigin | Provenance::UserInitiated | Provenance::Unknown => Ok(()),
        }
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match self.origin(headers) {
            Provenance::SameOrigin => Ok(()),
            Provenance::Unknown if !headers.contains_key(header::COOKIE) => Ok(()),
            Provenance::Unknown => Err(Refusal::Unknown),
            Provenance::UserInitiated | Provenance::OtherOrigin => Err(Refusal::Origin),
        }
    }

    fn origin(&self, headers: &HeaderMap) -> Provenance {
        provenance(headers, &header::ORIGIN, |origin| {
            if origin == self.origin.as_bytes() { Provenance::SameOrigin } else { Provenance::OtherOrigin }
        })
    }
}

fn is_below(prefixes: &[String], path: &str) -> bool {
    let below = |prefix: &String| {
        path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    prefixes.iter().any(below)
}

/// Whether the user has followed a link: the response fills a tab, where the other site's page cannot read it.
fn is_link<B>(request: &Request<B>) -> bool {
    let is = |name: &HeaderName, expected: &[u8]| {
        provenance(request.headers(), name, |value| {
            if value == expected { Provenance::SameOrigin } else { Provenance::OtherOrigin }
        }) == Provenance::SameOrigin
    };
    matches!(*request.method(), Method::GET | Method::HEAD)
        && is(&SEC_FETCH_MODE, b"navigate")
        && is(&SEC_FETCH_DEST, b"document")
        && !request.headers().contains_key(SEC_PURPOSE)
}

fn site(headers: &HeaderMap) -> Provenance {
    provenance(headers, &SEC_FETCH_SITE, |site| match site {
        b"same-origin" => Provenance::SameOrigin,
        b"none" => Provenance::UserInitiated,
        _ => Provenance::OtherOrigin,
    })
}

/// Interprets a header by `meaning`. No browser sends one of them twice.
fn provenance(headers: &HeaderMap, name: &HeaderName, meaning: impl FnOnce(&[u8]) -> Provenance) -> Provenance {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Provenance::Unknown,
        (Some(one), None) => meaning(one.as_bytes()),
        (Some(_), Some(_)) => Provenance::OtherOrigin,
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a request asks for a WebSocket, in any spelling.
fn is_web_socket(headers: &HeaderMap) -> bool {
    let names_web_socket =
        |value: &http::HeaderValue| value.as_bytes().to_ascii_lowercase().windows(9).any(|word| word == b"websocket");
    headers.get_all(header::UPGRADE).iter().any(names_web_socket)
}

impl<S> Layer<S> for SameOrigin {
    type Service = SameOriginService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SameOriginService { rules: self.clone(), inner }
    }
}

/// The service of the [`SameOrigin`] layer.
#[derive(Clone, Debug)]
pub struct SameOriginService<S> {
    rules: SameOrigin,
    inner: S,
}

impl<S, B> Service<Request<B>> for SameOriginService<S>
where
    S: Service<Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.rules.refuse(&request) {
            None => Either::Left(self.inner.call(request)),
            Some(refused) => Either::Right(ready(Ok(refused))),
        }
    }
}

impl Refusal {
    fn problem(self) -> ProblemDetails {
        let sentence = match self {
            Self::Site | Self::Origin => "This request came from another site. Use this site's own pages.",
            Self::Unknown => {
                "This request does not say where it comes from. A program has to send this site's `Origin`."
            }
        };
        ProblemDetails::new(StatusCode::FORBIDDEN, sentence)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.problem().into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: (&str, &str) = ("origin", "https://app.example");
    const COOKIE: (&str, &str) = ("cookie", "__Host-vestibule=x");

    fn check(method: &str, path: &str, fields: &[(&str, &str)]) -> Result<(), Refusal> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let rules = SameOrigin::new(&"https://app.example".parse().unwrap())
            .guard_reading("/backend/")
            .pass_links("/api/proxy/");
        rules.check(&request.body(()).unwrap())
    }

    #[test]
    fn accepts_changes_only_from_this_origin() {
        for (fields, expected) in [
            (&[COOKIE, ("sec-fetch-site", "same-origin")][..], Ok(())),
            (&[COOKIE, ("sec-fetch-site", "same-origin"), ("origin", "null")], Ok(())),
            (&[COOKIE, OURS], Ok(())),
            (&[("sec-fetch-site", "cross-site")], Err(Refusal::Site)),
            (&[COOKIE, OURS, ("sec-fetch-site", "cross-site")], Err(Refusal::Site)),
            (&[COOKIE, OURS, ("sec-fetch-site", "same-site")], Err(Refusal::Site)),
            (&[COOKIE, OURS, ("sec-fetch-site", "none")], Err(Refusal::Site)),
            (&[COOKIE, OURS, ("sec-fetch-site", "Same-Origin")], Err(Refusal::Site)),
            (&[COOKIE, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], Err(Refusal::Site)),
            (&[("origin", "https://evil.example")], Err(Refusal::Origin)),
            (&[("origin", "null")], Err(Refusal::Origin)),
            (&[("origin", "http://app.example")], Err(Refusal::Origin)),
            (&[("origin", "https://app.example:8443")], Err(Refusal::Origin)),
            (&[("origin", "https://app.example.evil.example")], Err(Refusal::Origin)),
            (&[("origin", "https://app.example/")], Err(Refusal::Origin)),
            (&[OURS, OURS], Err(Refusal::Origin)),
        ] {
            for method in ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "get"] {
                assert_eq!(check(method, "/login", fields), expected, "{method} {fields:?}");
            }
        }
    }

    #[test]
    fn accepts_requests_without_origin_headers_only_without_a_cookie() {
        assert_eq!(check("POST", "/api/login", &[]), Ok(()));
        assert_eq!(check("POST", "/api/login", &[("host", "app.example")]), Ok(()));
        assert_eq!(check("POST", "/api/login", &[COOKIE]), Err(Refusal::Unknown));
    }

    #[test]
    fn guards_reading_only_below_the_api() {
        for (fields, expected) in [
            (&[COOKIE, ("sec-fetch-site", "cross-site")][..], Err(Refusal::Site)),
            (&[COOKIE, ("sec-fetch-site", "same-site")], Err(Refusal::Site)),
            (&[COOKIE, ("origin", "https://evil.example")], Err(Refusal::Origin)),
            (&[COOKIE, ("sec-fetch-site", "same-origin")], Ok(())),
            (&[COOKIE, ("sec-fetch-site", "none")], Ok(())),
            (&[COOKIE], Ok(())),
        ] {
            for path in ["/api/proxy/notes", "/api/session", "/api", "/backend/notes"] {
                assert_eq!(check("GET", path, fields), expected, "{path} {fields:?}");
            }
            for path in ["/", "/notes", "/apiary", "/pkg/app.js"] {
                assert_eq!(check("GET", path, fields), Ok(()), "{path} {fields:?}");
            }
        }
    }

    #[test]
    fn allows_only_links_to_the_api() {
        let link = [
            COOKIE,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("accept", "text/html"),
        ];
        for method in ["GET", "HEAD"] {
            assert_eq!(check(method, "/api/proxy/files/1", &link), Ok(()), "{method}");
        }
        for method in ["OPTIONS", "POST", "PUT", "DELETE", "get"] {
            assert_eq!(check(method, "/api/proxy/files/1", &link), Err(Refusal::Site), "{method}");
        }
        for path in ["/api/session", "/api/proxying", "/backend/files/1"] {
            assert_eq!(check("GET", path, &link), Err(Refusal::Site), "{path}");
        }
        let purposes = [("sec-purpose", "prefetch;prerender"), ("upgrade", "websocket")];
        for more in purposes {
            assert_eq!(check("GET", "/api/proxy/files/1", &[&link[..], &[more]].concat()), Err(Refusal::Site));
        }
        for mode in ["no-cors", "cors", "same-origin", "websocket", "nested-navigate", "Navigate"] {
            let mut other = link;
            other[2].1 = mode;
            assert_eq!(check("GET", "/api/proxy/files/1", &other), Err(Refusal::Site), "{mode}");
        }
        for destination in ["empty", "iframe", "frame", "embed", "object", "image", "fencedframe"] {
            let mut other = link;
            other[3].1 = destination;
            assert_eq!(check("GET", "/api/proxy/files/1", &other), Err(Refusal::Site), "{destination}");
        }
    }

    #[test]
    fn marks_a_refusal_that_a_browser_would_display() {
        let rules = SameOrigin::new(&"https://app.example".parse().unwrap());
        let refused = |accept: &str| {
            let request = Request::get("/api/x").header("sec-fetch-site", "cross-site").header("accept", accept);
            rules.refuse(&request.body(()).unwrap()).unwrap()
        };
        assert!(refused("application/json").extensions().get::<Refused>().is_none());
        let page = refused("text/html,*/*");
        assert_eq!(page.extensions().get::<Refused>().unwrap().problem.status, page.status());
    }

    #[test]
    fn accepts_web_sockets_only_with_the_exact_origin() {
        let upgrade = ("upgrade", "WebSocket");
        for (fields, expected) in [
            (&[upgrade, COOKIE, OURS][..], Ok(())),
            (&[upgrade, COOKIE, OURS, ("sec-fetch-site", "same-origin")], Ok(())),
            (&[upgrade], Ok(())),
            (&[upgrade, COOKIE], Err(Refusal::Unknown)),
            (&[upgrade, COOKIE, ("sec-fetch-site", "same-origin")], Err(Refusal::Unknown)),
            (&[upgrade, ("origin", "https://evil.example")], Err(Refusal::Origin)),
            (&[upgrade, OURS, ("sec-fetch-site", "none")], Err(Refusal::Site)),
            (&[upgrade, OURS, ("sec-fetch-site", "cross-site")], Err(Refusal::Site)),
            (&[("upgrade", "h2c, websocket"), COOKIE], Err(Refusal::Unknown)),
        ] {
            for path in ["/", "/api/proxy/live"] {
                assert_eq!(check("GET", path, fields), expected, "{path} {fields:?}");
            }
        }
    }
}
