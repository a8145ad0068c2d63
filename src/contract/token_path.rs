//! The paths of the API that response tokens.

use http::Method;

/// A path of the API that has to do with tokens, with all that lies below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPath {
    pub(crate) path: String,
    pub(crate) method: Method,
    pub(crate) kind: TokenKind,
}

/// The purpose of a token path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Logs in: through the proxy it is the server's own login. With another method, and below: 404.
    Login,
    /// Renews the access token: 404.
    Refresh,
    /// Issues tokens otherwise, as the contract's token route with this index says: the tokens go into the session.
    /// With another method, and below: 404.
    Route(usize),
    /// Signs up, which may issue tokens. Below, the method of a signup is 404. Other methods pass: often the same
    /// path lists users.
    Signup,
    /// Reaches the API's services in another way, which nothing here could check: 404.
    Closed,
    /// Lies below another one, and passes all the same.
    Open,
}

/// The part of the contract by which a call issues tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// The contract's signup.
    Signup,
    /// The contract's token route with this index.
    Route(usize),
}

impl TokenPath {
    /// A path from the API's base URL, like `/auth/login`, that works by `POST`.
    pub fn new(path: impl Into<String>, kind: TokenKind) -> Self {
        Self { path: path.into(), method: Method::POST, kind }
    }

    /// The same with another method.
    #[must_use]
    pub fn with_method(self, method: Method) -> Self {
        Self { method, ..self }
    }
}
