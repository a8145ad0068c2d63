//! The paths of the API that answer tokens.

use http::Method;

/// A path of the API that has to do with tokens, with all that lies below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPath {
    pub(crate) path: String,
    pub(crate) method: Method,
    pub(crate) kind: TokenKind,
}

/// What a path of tokens does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Logs in: through the proxy it is the server's own log-in. With another method, and below: 404.
    LogIn,
    /// Renews the access token: 404.
    Refresh,
    /// Issues tokens otherwise, as the contract's token route with this index says: the tokens go into the session.
    /// With another method, and below: 404.
    Route(usize),
    /// Signs up, which may issue tokens. Below, the method of a sign-up is 404. Other methods pass: often the same
    /// path lists people.
    SignUp,
    /// Reaches the API's services in another way, which nothing here could check: 404.
    Closed,
    /// Lies below another one, and passes all the same.
    Open,
}

/// What a call issues tokens by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// The contract's sign-up.
    SignUp,
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
