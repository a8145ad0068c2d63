//! The paths of the API that response tokens, and those that its contract closes: what becomes of a call to one.
//!
//! Each is a prefix: many servers ignore what stands behind such a path, so that a login at `/auth/login` is one at
//! `/auth/login/x` too. And each is known in every spelling that some router takes for it. Of several paths that a call
//! lies below, the longest says what becomes of it.

use std::borrow::Cow;

use http::Method;

use super::target;
use crate::contract::{TokenKind, TokenPath};

/// The decision about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ruling {
    /// It passes, although a path above says otherwise.
    Passes,
    /// It is answered 404.
    Closed,
    SignsUp,
    Issues(usize),
    LogsIn,
}

/// The paths of tokens, as they look from below one upstream's base path.
#[derive(Clone, Debug, Default)]
pub(super) struct TokenPaths(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    /// The part of the path below the upstream's base.
    segments: Vec<String>,
    /// Whether the upstream's base lies below the path itself.
    surpassed: bool,
    /// How many segments the whole path has.
    depth: usize,
    /// Whether it is the API's own root, below which everything lies: that stays open.
    is_root: bool,
    method: Method,
    kind: TokenKind,
}

/// How far a call goes into a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    At,
    Below,
}

impl TokenPaths {
    /// The paths of an API whose base path is `api_base`, seen from below `base` on the same server.
    pub(super) fn below(base: &str, api_base: &str, paths: &[TokenPath]) -> Self {
        let base: Vec<&str> = segments(base).collect();
        let seen = |token: &TokenPath| {
            let path = token.path.split(['?', '#']).next().unwrap_or_default();
            let path = target::check(path).unwrap_or(Cow::Borrowed(path));
            let full: Vec<String> = segments(api_base).chain(segments(&path)).map(str::to_owned).collect();
            let is_below = base.iter().zip(&full).all(|(own, it)| is_same(own, it));
            is_below.then(|| Entry {
                segments: full.iter().skip(base.len()).cloned().collect(),
                surpassed: base.len() > full.len(),
                depth: full.len(),
                is_root: segments(&path).next().is_none(),
                method: token.method.clone(),
                kind: token.kind,
            })
        };
        Self(paths.iter().filter_map(seen).collect())
    }

    /// The decision about a call to `path`, in any spelling; `None` for a path that has nothing to do with tokens.
    /// `path` is decoded. It is `veiled` when a `;` in it may hide a part of it from some servers.
    ///
    /// Routers differ: they ignore case, trailing or doubled slashes, `;params`, a format suffix (`/login.json`),
    /// trailing blanks or dots. Any spelling that one of them accepts counts.
    pub(super) fn find(&self, path: &str, method: &Method, veiled: bool) -> Option<Ruling> {
        let path = &path[..memchr::memchr2(b'?', b'#', path.as_bytes()).unwrap_or(path.len())];
        let first = segments(path).next().unwrap_or_default();
        if !veiled && !self.0.iter().any(|entry| entry.may_begin_with(first)) {
            return None;
        }
        let ruling = |entry: &Entry| Some((entry.depth, entry.rule(entry.reach(path, veiled)?, method)?));
        let (_, ruling) = self.0.iter().filter_map(ruling).max()?;
        (ruling != Ruling::Passes).then_some(ruling)
    }
}

impl Entry {
    fn may_begin_with(&self, first: &str) -> bool {
        self.segments.first().is_none_or(|own| is_last(first, own))
    }

    fn reach(&self, path: &str, veiled: bool) -> Option<Reach> {
        if self.is_root && (self.surpassed || segments(path).nth(self.segments.len()).is_some()) {
            return None;
        }
        if self.surpassed {
            return Some(Reach::Below);
        }
        if self.kind == TokenKind::Open {
            return self.opens(path).then_some(Reach::Below);
        }
        if veiled {
            // Some servers take everything up to the next slash away with a `;`, and an encoded slash along.
            let mut own = segments(path);
            let found = self.segments.iter().all(|token| own.any(|own| is_last(own, token)));
            return found.then_some(Reach::Below);
        }
        let mut own = segments(path);
        if let Some((last, parents)) = self.segments.split_last() {
            let same = |parent: &String| own.next().is_some_and(|own| is_same(own, parent));
            if !parents.iter().all(same) || !own.next().is_some_and(|own| is_last(own, last)) {
                return None;
            }
        }
        Some(if own.next().is_none() { Reach::At } else { Reach::Below })
    }

    /// Opened paths are compared literally, with `*` for any one segment.
    fn opens(&self, path: &str) -> bool {
        let mut own = path.split('/').skip(1);
        let is_any = |own: &str| !own.is_empty() && without_noise(own) == own;
        self.segments.iter().all(|token| own.next().is_some_and(|own| own == token || (token == "*" && is_any(own))))
    }

    fn rule(&self, reach: Reach, method: &Method) -> Option<Ruling> {
        let meant = reach == Reach::At && self.method == *method;
        match self.kind {
            TokenKind::Login if meant => Some(Ruling::LogsIn),
            TokenKind::Route(index) if meant => Some(Ruling::Issues(index)),
            TokenKind::Signup if meant => Some(Ruling::SignsUp),
            // Servers may ignore the case of a method, which has one (RFC 9110 §9.1).
            TokenKind::Signup if !self.method.as_str().eq_ignore_ascii_case(method.as_str()) => None,
            TokenKind::Open => Some(Ruling::Passes),
            TokenKind::Login | TokenKind::Refresh | TokenKind::Route(_) | TokenKind::Signup | TokenKind::Closed => {
                Some(Ruling::Closed)
            }
        }
    }
}

fn is_same(segment: &str, token: &str) -> bool {
    segment.eq_ignore_ascii_case(token) || (!segment.is_ascii() && folded(segment) == folded(token))
}

fn is_last(segment: &str, token: &str) -> bool {
    if !segment.is_ascii() {
        let token = folded(token);
        return folded(segment).strip_prefix(&token).is_some_and(|suffix| suffix.is_empty() || suffix.starts_with('.'));
    }
    let Some(start) = segment.get(..token.len()) else { return false };
    let suffix = &segment[token.len()..];
    start.eq_ignore_ascii_case(token) && (suffix.is_empty() || suffix.starts_with('.'))
}

/// Without case, in all of Unicode: `ſ` is an `s`, and the Kelvin sign a `k`.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase).collect()
}

/// The segments that count, without what routers ignore.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').map(without_noise).filter(|segment| !segment.is_empty())
}

fn without_noise(segment: &str) -> &str {
    // Most segments have none, which is seen faster than it is trimmed.
    if segment.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return segment;
    }
    let segment = segment.split(';').next().unwrap_or_default();
    segment.trim().trim_end_matches('.').trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(base: &str, api_base: &str) -> TokenPaths {
        let paths = [
            TokenPath::new("/auth/login", TokenKind::Login),
            TokenPath::new("/auth/refresh", TokenKind::Refresh),
            TokenPath::new("/users", TokenKind::Signup),
            TokenPath::new("/auth/reset", TokenKind::Route(0)),
            TokenPath::new("/auth/reset", TokenKind::Route(1)).with_method(Method::PUT),
            TokenPath::new("/socket.io", TokenKind::Closed),
            TokenPath::new("/auth/login/providers", TokenKind::Open),
            TokenPath::new("/users/*/avatar", TokenKind::Open),
        ];
        TokenPaths::below(base, api_base, &paths)
    }

    fn posted(paths: &TokenPaths, path: &str) -> Option<Ruling> {
        paths.find(path, &Method::POST, false)
    }

    #[test]
    fn knows_a_path_under_every_spelling() {
        let paths = paths("", "");
        for path in [
            "/auth/login",
            "/auth/login/",
            "/auth//login",
            "/AUTH/Login",
            "/auth/login;a=b",
            "/auth;x/login",
            "/auth/login.json",
            "/auth/login ",
            "/auth/login.",
            "/auth/login?x",
            "/auth/login#x",
            "/auth/ login",
        ] {
            assert_eq!(posted(&paths, path), Some(Ruling::LogsIn), "{path}");
            assert_eq!(paths.find(path, &Method::GET, false), Some(Ruling::Closed), "{path}");
            let below = path.replacen("ogin", "ogin/x", 1);
            assert_eq!(posted(&paths, &below), Some(Ruling::Closed), "{below}");
        }
        assert_eq!(posted(&paths, "/auth/refresh//"), Some(Ruling::Closed));
        assert_eq!(posted(&paths, "/\u{17f}oc\u{212a}et.io/x"), Some(Ruling::Closed), "letters of another case");
    }

    #[test]
    fn leaves_other_paths_alone() {
        for path in
            ["/", "/auth", "/auth/logins", "/x/auth/login", "/auth/sessions", "/auth/löginé", "/socket", "/user", ""]
        {
            assert_eq!(posted(&paths("", ""), path), None, "{path}");
        }
    }

    #[test]
    fn opens_what_is_named_by_the_letter() {
        let paths = paths("", "");
        for path in [
            "/auth/login/providers",
            "/auth/login/providers/",
            "/auth/login/providers/google",
            "/users/7/avatar",
            "/users/7/avatar/x",
        ] {
            assert_eq!(posted(&paths, path), None, "{path}");
        }
        for path in [
            "/auth/login/Providers",
            "/auth/login/providers;x",
            "/auth/login//providers",
            "/auth/login/provider",
            "/users//avatar",
            "/users/;/avatar",
            "/users/7/x/avatar",
        ] {
            assert_eq!(posted(&paths, path), Some(Ruling::Closed), "{path}");
        }
    }

    #[test]
    fn a_route_serves_its_methods_alone() {
        let paths = paths("", "");
        let find = |path, method: &str| paths.find(path, &Method::from_bytes(method.as_bytes()).unwrap(), false);
        assert_eq!(find("/auth/reset", "POST"), Some(Ruling::Issues(0)));
        assert_eq!(find("/auth/reset/", "PUT"), Some(Ruling::Issues(1)));
        for (path, method) in [("/auth/reset", "GET"), ("/auth/reset", "put"), ("/auth/reset/x", "PUT")] {
            assert_eq!(find(path, method), Some(Ruling::Closed), "{method} {path}");
        }
    }

    #[test]
    fn below_a_sign_up_only_its_own_method_is_closed() {
        let paths = paths("", "");
        let find = |path, method: &str| paths.find(path, &Method::from_bytes(method.as_bytes()).unwrap(), false);
        assert_eq!(find("/users", "POST"), Some(Ruling::SignsUp));
        assert_eq!((find("/users/1", "POST"), find("/users", "post")), (Some(Ruling::Closed), Some(Ruling::Closed)));
        assert_eq!((find("/users", "GET"), find("/users/1", "PATCH")), (None, None));
    }

    /// Tomcat takes `;x=%2Fy` out of `/auth;x=%2Fy/login`, which decoded is `/auth;x=/y/login`.
    #[test]
    fn finds_what_a_parameter_hides() {
        let paths = paths("", "");
        for path in ["/auth;x=/y/login", "/;x=/y/auth/login", "/auth/login;x=/y"] {
            assert_eq!(paths.find(path, &Method::POST, true), Some(Ruling::Closed), "{path}");
        }
        assert_eq!(paths.find("/notes;x=/y/1", &Method::POST, true), None);
    }

    #[test]
    fn sees_the_path_from_another_base_on_the_same_server() {
        let (login, closed) = (Some(Ruling::LogsIn), Some(Ruling::Closed));
        assert_eq!(posted(&paths("/v1", "/v1"), "/auth/login"), login);
        assert_eq!(posted(&paths("/", "/v1"), "/v1/auth/login"), login);
        assert_eq!(posted(&paths("/V1/auth", "/v1"), "/login"), login);
        assert_eq!(posted(&paths("/auth/login", ""), "/"), login);
        assert_eq!(posted(&paths("/auth/login", ""), "/x"), closed);
        assert_eq!(posted(&paths("/auth/login/x", ""), "/"), closed);
        assert_eq!(posted(&paths("/auth/login/x", ""), "/y"), closed);
        assert_eq!(posted(&paths("/v2", "/v1"), "/auth/login"), None);
    }

    #[test]
    fn a_path_of_the_contract_may_be_encoded_and_have_a_query() {
        let paths = TokenPaths::below("", "", &[TokenPath::new("/caf%C3%A9/login?device=web", TokenKind::Login)]);
        assert_eq!(posted(&paths, "/café/login"), Some(Ruling::LogsIn));
        assert_eq!(posted(&paths, "/CAFÉ/login/x"), Some(Ruling::Closed));
    }

    #[test]
    fn a_log_in_at_the_root_closes_nothing_else() {
        let root = [TokenPath::new("/", TokenKind::Login)];
        for (base, path, ruling) in [
            ("/v1", "/", Some(Ruling::LogsIn)),
            ("/v1", "/notes", None),
            ("", "/v1", Some(Ruling::LogsIn)),
            ("", "/v1/notes", None),
            ("/v1/notes", "/", None),
        ] {
            assert_eq!(posted(&TokenPaths::below(base, "/v1", &root), path), ruling, "{base} {path}");
        }
    }
}
