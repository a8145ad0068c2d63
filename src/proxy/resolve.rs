//! The target of a request, decided before anything is sent.

use http::{HeaderMap, Method, Request, StatusCode, Uri, Version, header, uri::PathAndQuery};

use super::{Proxy, Shared, request, route::Route, target, token_paths::Ruling};
use crate::{contract::Issuer, problem::ProblemDetails};

/// The target of a request.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// A call that [`Proxy::forward`] passes on.
    Forward(Target),
    /// The API's login, which is never passed on: the server has a login of its own.
    Login,
    /// A call whose response may hold tokens, which are for the session.
    Issue(Target, Issuer),
}

/// Where a call goes. Only [`Proxy::resolve`] makes one, so that no unchecked path gets out.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) route: usize,
    pub(super) path_and_query: PathAndQuery,
}

impl Proxy {
    /// Whether a path is the proxy's: its prefix, or below.
    pub fn takes(&self, path: &str) -> bool {
        self.shared().below_prefix(path).is_some()
    }

    /// Resolves a request's target.
    ///
    /// # Errors
    /// - 400 when the target could mean different things to different servers, see `target`
    /// - 403 when the configured header is missing on a call that changes something
    /// - 404 when it asks for a path that returns tokens or that the contract closes, for what lies below
    ///   one, or for none of the proxy's
    /// - 405 for `TRACE` (RFC 9110 §9.3.8) and `CONNECT` (§9.3.6), which are not for a gateway
    /// - 431 when there are more or larger header fields than may be (RFC 6585 §5)
    pub fn resolve<B>(&self, request: &Request<B>) -> Result<Resolved, ProblemDetails> {
        let shared = self.shared();
        check_method(request.method())?;
        shared.check_headers(request.headers())?;
        check_host(request, &shared.authority)?;
        shared.check_required_header(request)?;
        let asked = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        let rest = shared.below_prefix(asked).ok_or_else(not_found)?;
        let path = rest.split('?').next().unwrap_or_default();
        let decoded =
            target::check(path).map_err(|problem| ProblemDetails::new(StatusCode::BAD_REQUEST, problem.to_string()))?;
        let (route, own) = shared.route(path, decoded.as_ref())?;
        match route_of(shared, route).token_paths.find(own, request.method(), is_veiled(path, &decoded)) {
            None | Some(Ruling::Passes) => shared.target(route, rest).map(Resolved::Forward),
            Some(Ruling::LogsIn) => Ok(Resolved::Login),
            Some(Ruling::SignsUp) => Ok(Resolved::Issue(shared.target(route, rest)?, Issuer::Signup)),
            Some(Ruling::Issues(index)) => Ok(Resolved::Issue(shared.target(route, rest)?, Issuer::Route(index))),
            Some(Ruling::Closed) => Err(not_found()),
        }
    }
}

/// Whether a path has an encoded slash and a `;`: servers that cut `;params` off before they decode lose
/// what stands between that slash and the next.
fn is_veiled(path: &str, decoded: &str) -> bool {
    let slashes = |text: &str| memchr::memchr_iter(b'/', text.as_bytes()).count();
    decoded.len() != path.len()
        && memchr::memchr(b';', decoded.as_bytes()).is_some()
        && slashes(decoded) > slashes(path)
}

fn route_of(shared: &Shared, index: usize) -> &Route {
    &shared.routes[index]
}

impl Shared {
    fn check_headers(&self, headers: &HeaderMap) -> Result<(), ProblemDetails> {
        if request::is_too_large(headers, self.config.max_header_count, self.config.max_header_bytes) {
            let sentence =
                "The request has more header fields than may be. Send fewer or shorter ones, or remove old cookies.";
            return Err(ProblemDetails::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, sentence));
        }
        Ok(())
    }

    fn check_required_header<B>(&self, request: &Request<B>) -> Result<(), ProblemDetails> {
        let Some(required) = self.required_header() else { return Ok(()) };
        if is_safe(request.method()) || request.headers().get(&required.name) == Some(&required.value) {
            return Ok(());
        }
        let sentence = format!("This call needs the header `{}`. Send it from a script of this site.", required.name);
        Err(ProblemDetails::new(StatusCode::FORBIDDEN, sentence))
    }

    /// The part after the proxy's prefix: nothing, or something that begins with `/` or `?`.
    fn below_prefix<'a>(&self, asked: &'a str) -> Option<&'a str> {
        let rest = asked.strip_prefix(self.prefix.as_str())?;
        (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
    }

    /// The route that takes a path, and the decoded path below the route's own prefix.
    ///
    /// A path that falls under another route once it is decoded is refused: it must not slip past
    /// the rules of either.
    fn route<'a>(&self, path: &str, decoded: &'a str) -> Result<(usize, &'a str), ProblemDetails> {
        let plain = self.find_route(path);
        if decoded.len() != path.len() && self.find_route(decoded) != plain {
            let sentence = "The path is encoded where it need not be. Write letters and digits as they are.";
            return Err(ProblemDetails::new(StatusCode::BAD_REQUEST, sentence));
        }
        Ok((plain, &decoded[self.routes[plain].prefix.len()..]))
    }

    fn find_route(&self, path: &str) -> usize {
        let takes = |route: &Route| {
            path.strip_prefix(route.prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // The default upstream, which comes last, takes everything.
        self.routes.iter().position(takes).unwrap_or(self.routes.len() - 1)
    }

    /// The upstream's path and query: its base, then the bytes that came.
    fn target(&self, route: usize, rest: &str) -> Result<Target, ProblemDetails> {
        let Route { base, prefix, .. } = route_of(self, route);
        let below = &rest[prefix.len()..];
        let slash = if base.is_empty() && !below.starts_with('/') { "/" } else { "" };
        let path_and_query = if base.is_empty() && slash.is_empty() {
            PathAndQuery::try_from(below)
        } else {
            PathAndQuery::try_from(format!("{base}{slash}{below}"))
        };
        let path_and_query = path_and_query
            .map_err(|_| ProblemDetails::new(StatusCode::BAD_REQUEST, "The path cannot be passed on. Check it."))?;
        Ok(Target { route, path_and_query })
    }
}

/// The methods that a 405 names. Methods that are not in RFC 9110 or 5789 pass as well.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

fn check_method(method: &Method) -> Result<(), ProblemDetails> {
    if matches!(*method, Method::TRACE | Method::CONNECT) {
        return Err(ProblemDetails::method_not_allowed(METHODS));
    }
    Ok(())
}

/// RFC 9110 §9.2.1, without TRACE.
pub(super) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// An HTTP/1.1 request has exactly one valid `Host` (RFC 9112 §3.2), and a target in absolute form
/// (§3.2.2) is for this server only when it names it. HTTP/2 has its authority in the target.
fn check_host<B>(request: &Request<B>, authority: &str) -> Result<(), ProblemDetails> {
    let wrong = |sentence| Err(ProblemDetails::new(StatusCode::BAD_REQUEST, sentence));
    if request.version() >= Version::HTTP_2 {
        return Ok(());
    }
    if !names_only(request.uri(), authority) {
        return wrong("The request is addressed to another server. Send the path alone.");
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (None, None) if request.version() < Version::HTTP_11 => Ok(()),
        _ => wrong("The request needs exactly one valid Host header."),
    }
}

fn names_only(uri: &Uri, authority: &str) -> bool {
    uri.authority().is_none_or(|it| it.as_str().eq_ignore_ascii_case(authority))
}

/// `uri-host [":" port]` (RFC 9110 §7.2): no user, no path, no list.
fn is_host(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+;=".contains(byte))
}

fn not_found() -> ProblemDetails {
    ProblemDetails::new(StatusCode::NOT_FOUND, "There is nothing at this address. Check the path.")
}
