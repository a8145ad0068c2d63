//! The paths of the API that answer tokens, which are never passed through.

/// A path of the API that answers tokens to a `POST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPath {
    path: String,
    kind: TokenKind,
}

/// What a token-issuing path does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Logs in: through the proxy it is the server's own log-in.
    LogIn,
    /// Renews the access token: through the proxy there is no such path.
    Refresh,
}

impl TokenPath {
    /// A path from the API's base URL, like `/auth/login`.
    pub fn new(path: impl Into<String>, kind: TokenKind) -> Self {
        Self { path: path.into(), kind }
    }
}

/// The token-issuing paths, as they look from below one upstream's base path.
#[derive(Clone, Debug, Default)]
pub(super) struct TokenPaths(Vec<(Vec<String>, TokenKind)>);

impl TokenPaths {
    /// The paths of an API whose base path is `api_base`, seen from below `base` on the same server.
    pub(super) fn below(base: &str, api_base: &str, paths: &[TokenPath]) -> Self {
        let seen = |token: &TokenPath| {
            let mut full = segments(api_base).chain(segments(&token.path));
            let below = segments(base).all(|own| full.next().is_some_and(|it| it.eq_ignore_ascii_case(own)));
            below.then(|| (full.map(str::to_owned).collect(), token.kind))
        };
        Self(paths.iter().filter_map(seen).collect())
    }

    /// Which token-issuing path `path` is, however it is spelt. `path` is decoded.
    ///
    /// Routers differ: they ignore case, trailing or doubled slashes, `;params`, a format suffix
    /// (`/login.json`), trailing blanks or dots. Whatever one of them takes for the path, is it.
    pub(super) fn find(&self, path: &str) -> Option<TokenKind> {
        let path = &path[..memchr::memchr2(b'?', b'#', path.as_bytes()).unwrap_or(path.len())];
        self.0.iter().find(|(token, _)| matches(path, token)).map(|(_, kind)| *kind)
    }
}

fn matches(path: &str, token: &[String]) -> bool {
    let mut own = segments(path);
    let Some((last, parents)) = token.split_last() else { return own.next().is_none() };
    let same = |parent: &String| own.next().is_some_and(|own| own.eq_ignore_ascii_case(parent));
    parents.iter().all(same) && own.next().is_some_and(|own| is_last(own, last)) && own.next().is_none()
}

fn is_last(segment: &str, token: &str) -> bool {
    let Some(start) = segment.get(..token.len()) else { return false };
    let suffix = &segment[token.len()..];
    start.eq_ignore_ascii_case(token) && (suffix.is_empty() || suffix.starts_with('.'))
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
        let login = TokenPath::new("/auth/login", TokenKind::LogIn);
        TokenPaths::below(base, api_base, &[login, TokenPath::new("/auth/refresh", TokenKind::Refresh)])
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
            assert_eq!(paths.find(path), Some(TokenKind::LogIn), "{path}");
        }
        assert_eq!(paths.find("/auth/refresh//"), Some(TokenKind::Refresh));
    }

    #[test]
    fn leaves_other_paths_alone() {
        for path in ["/", "/auth", "/auth/logins", "/auth/login/x", "/x/auth/login", "/auth/sessions", "/auth/löginé"]
        {
            assert_eq!(paths("", "").find(path), None, "{path}");
        }
    }

    #[test]
    fn sees_the_path_from_another_base_on_the_same_server() {
        assert_eq!(paths("/v1", "/v1").find("/auth/login"), Some(TokenKind::LogIn));
        assert_eq!(paths("/", "/v1").find("/v1/auth/login"), Some(TokenKind::LogIn));
        assert_eq!(paths("/V1/auth", "/v1").find("/login"), Some(TokenKind::LogIn));
        assert_eq!(paths("/auth/login", "").find("/"), Some(TokenKind::LogIn));
        assert_eq!(paths("/auth/login", "").find("/x"), None);
        assert_eq!(paths("/v2", "/v1").find("/auth/login"), None);
    }
}
