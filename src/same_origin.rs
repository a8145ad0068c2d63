//! The one choke point for requests that other sites cause.
//!
//! A browser sends its cookies with requests that another site's page makes it send. [`SameOrigin`]
//! refuses them (403), by what the browser itself says about a request's origin, so that no page has
//! to carry a token:
//!
//! 1. Calls that change something (any method but GET, HEAD and OPTIONS) must be same-origin:
//!    `Sec-Fetch-Site: same-origin` ([Fetch Metadata]), or, from a browser that does not send that
//!    field, an `Origin` that is exactly the configured public one (RFC 6454 §7). `none`, which a
//!    browser says of what a person began at the address bar, is not enough: nobody types a POST.
//! 2. WebSockets must have exactly that `Origin`, whatever else they have (RFC 6455 §10.2): the
//!    same-origin policy does not hold for them, and not every browser sends the other field.
//! 3. GET, HEAD and OPTIONS below `/api/` are refused when they come from another site's page, so
//!    that it can neither embed nor time somebody's data. Everywhere else they pass: links lead
//!    here, and an answer to GET changes nothing. [`SameOrigin::pass_links`] lets links in below
//!    `/api/` as well, as a mail may have one to a file: a GET or HEAD that navigates a whole tab
//!    (`Sec-Fetch-Mode: navigate`, `Sec-Fetch-Dest: document`). `SameSite=Lax` draws the same line
//!    for cookies. Frames, fetches and images stay refused, and so does what a browser only
//!    prefetches (`Sec-Purpose`). `Sec-Fetch-User` is not asked for: Safari never sends it, and any
//!    click on the other site's page gives it.
//! 4. A request with neither field comes from no browser of this decade: all send `Origin` with
//!    a POST and a WebSocket. It passes when it has no cookie, as it then carries nobody's
//!    authority (a script that logs in, a health check). With a cookie it is refused, as OWASP
//!    advises: a program that holds a cookie can say `Origin: <the public origin>` as well, and a
//!    browser behind something that strips both fields stays safe.
//!
//! The public origin is configuration; `Host` is not asked, as whoever reaches the server sets it.
//! A proxy in front that removes `Origin` and `Sec-Fetch-Site` has to be told not to.
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

use crate::{error::Problem, route::wants_page};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
pub(crate) const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// Refuses requests that other sites cause. A [`Layer`], to be put around everything else.
#[derive(Clone, Debug)]
pub struct SameOrigin(Arc<Rules>);

#[derive(Clone, Debug)]
struct Rules {
    /// The public origin, as browsers write it.
    origin: String,
    /// Where reading from another site is refused as well.
    guarded: Vec<String>,
    /// Where a link from another site leads all the same.
    linked: Vec<String>,
}

/// In the extensions of a refusal that a person would see: a server can show a page of its own instead.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The answer as it is.
    pub problem: Problem,
    /// The request's header fields.
    pub request: HeaderMap,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The browser says that another site's page, or nobody on this one, caused it.
    #[error("`Sec-Fetch-Site` is not `same-origin`")]
    Site,
    /// It names another origin.
    #[error("`Origin` is not the public origin")]
    Origin,
    /// It carries a cookie and says nothing of where it comes from.
    #[error("a cookie without `Origin` and `Sec-Fetch-Site`")]
    Unknown,
}

/// What one of the two fields says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Same,
    /// `Sec-Fetch-Site: none`
    Nobody,
    Other,
}

impl SameOrigin {
    /// For a server that people see at `public_url`; reading is guarded below `/api/`.
    pub fn new(public_url: &Url) -> Self {
        let origin = public_url.origin().ascii_serialization();
        Self(Arc::new(Rules { origin, guarded: vec!["/api".to_owned()], linked: Vec::new() }))
    }

    /// Guards reading below `prefix` as well, a path without a trailing slash.
    #[must_use]
    pub fn guard_reading(self, prefix: &str) -> Self {
        self.change(|rules| rules.guarded.push(prefix.trim_end_matches('/').to_owned()))
    }

    /// Lets a link on another site lead below `prefix`, a path without a trailing slash, though reading
    /// is guarded there: a GET or HEAD that navigates a whole tab.
    #[must_use]
    pub fn pass_links(self, prefix: &str) -> Self {
        self.change(|rules| rules.linked.push(prefix.trim_end_matches('/').to_owned()))
    }

    fn change(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Checks one request; logs and answers what is refused.
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
    /// Why it is refused.
    pub fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let headers = request.headers();
        if is_web_socket(headers) {
            return self.0.check_web_socket(headers);
        }
        if is_safe(request.method()) {
            return self.0.check_reading(request);
        }
        match site(headers) {
            Said::Same => Ok(()),
            Said::Nothing => self.0.check_origin(headers),
            Said::Nobody | Said::Other => Err(Refusal::Site),
        }
    }
}

impl Rules {
    fn check_web_socket(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match site(headers) {
            Said::Same | Said::Nothing => self.check_origin(headers),
            Said::Nobody | Said::Other => Err(Refusal::Site),
        }
    }

    fn check_reading<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let (path, headers) = (request.uri().path(), request.headers());
        if !is_below(&self.guarded, path) {
            return Ok(());
        }
        match site(headers) {
            Said::Other if is_link(request) && is_below(&self.linked, path) => Ok(()),
            Said::Other => Err(Refusal::Site),
            // A plain GET has no `Origin`: only a foreign one tells something.
            Said::Nothing if self.origin(headers) == Said::Other => Err(Refusal::Origin),
            Said::Same | Said::Nobody | Said::Nothing => Ok(()),
        }
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match self.origin(headers) {
            Said::Same => Ok(()),
            Said::Nothing if !headers.contains_key(header::COOKIE) => Ok(()),
            Said::Nothing => Err(Refusal::Unknown),
            Said::Nobody | Said::Other => Err(Refusal::Origin),
        }
    }

    fn origin(&self, headers: &HeaderMap) -> Said {
        said(headers, &header::ORIGIN, |origin| if origin == self.origin.as_bytes() { Said::Same } else { Said::Other })
    }
}

fn is_below(prefixes: &[String], path: &str) -> bool {
    let below = |prefix: &String| {
        path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    prefixes.iter().any(below)
}

/// Whether somebody has followed a link: the answer fills a tab, where the other site's page cannot see it.
fn is_link<B>(request: &Request<B>) -> bool {
    let is = |name: &HeaderName, expected: &[u8]| {
        said(request.headers(), name, |value| if value == expected { Said::Same } else { Said::Other }) == Said::Same
    };
    matches!(*request.method(), Method::GET | Method::HEAD)
        && is(&SEC_FETCH_MODE, b"navigate")
        && is(&SEC_FETCH_DEST, b"document")
        && !request.headers().contains_key(SEC_PURPOSE)
}

fn site(headers: &HeaderMap) -> Said {
    said(headers, &SEC_FETCH_SITE, |site| match site {
        b"same-origin" => Said::Same,
        b"none" => Said::Nobody,
        _ => Said::Other,
    })
}

/// What a field says, as `meaning` reads its value. No browser sends one of them twice.
fn said(headers: &HeaderMap, name: &HeaderName, meaning: impl FnOnce(&[u8]) -> Said) -> Said {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Said::Nothing,
        (Some(one), None) => meaning(one.as_bytes()),
        (Some(_), Some(_)) => Said::Other,
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a request asks for a WebSocket, in whatever way it words it.
fn is_web_socket(headers: &HeaderMap) -> bool {
    let names_it =
        |value: &http::HeaderValue| value.as_bytes().to_ascii_lowercase().windows(9).any(|word| word == b"websocket");
    headers.get_all(header::UPGRADE).iter().any(names_it)
}

impl<S> Layer<S> for SameOrigin {
    type Service = SameOriginService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SameOriginService { rules: self.clone(), inner }
    }
}

/// The service that [`SameOrigin`] puts around another.
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
    fn problem(self) -> Problem {
        let sentence = match self {
            Self::Site | Self::Origin => "This request came from another site. Use this site's own pages.",
            Self::Unknown => {
                "This request does not say where it comes from. A program has to send this site's `Origin`."
            }
        };
        Problem::new(StatusCode::FORBIDDEN, sentence)
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
    fn takes_changes_from_this_origin_alone() {
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
    fn takes_what_no_browser_sends_only_without_a_cookie() {
        assert_eq!(check("POST", "/api/login", &[]), Ok(()));
        assert_eq!(check("POST", "/api/login", &[("host", "app.example")]), Ok(()));
        assert_eq!(check("POST", "/api/login", &[COOKIE]), Err(Refusal::Unknown));
    }

    #[test]
    fn guards_reading_below_the_api_alone() {
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
    fn lets_links_lead_to_the_api_alone() {
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
    fn tells_a_server_what_a_person_would_see() {
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
    fn takes_web_sockets_with_the_exact_origin_alone() {
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
