//! Where things lie in the API's responses.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where the tokens lie in the responses to login and refresh.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// The access token.
    pub access_token: TokenLocation,
    /// The refresh token, where the API gives one.
    #[serde(default)]
    pub refresh_token: Option<TokenLocation>,
    /// A JSON pointer to the access token's lifetime. Without it the token's own `exp` claim counts,
    /// when it is a JWT.
    #[serde(default)]
    pub expires_in: Option<String>,
    /// The meaning of that value.
    #[serde(default)]
    pub expires_as: ExpiresAs,
    /// Whether a JWT may have no end at all, neither there nor in its `exp` claim. Such a session
    /// lasts as long as `[session]` lets it. A token that is no JWT cannot be looked into, and always
    /// may.
    #[serde(default)]
    pub endless: bool,
    /// Where any response to a logged-in user may hold the next access token: a header or a cookie. Left out, it is
    /// the place of the access token if that is one.
    #[serde(default)]
    pub rolled: Option<TokenLocation>,
}

impl Tokens {
    /// Where an ordinary response may hold the next access token.
    pub(crate) fn rolled_place(&self) -> Option<&TokenLocation> {
        self.rolled.as_ref().or(Some(&self.access_token)).filter(|place| !matches!(place, TokenLocation::Pointer(_)))
    }
}

/// Where one token lies in a response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    untagged,
    expecting = "expected a JSON pointer like \"/token\", or { cookie = \"name\" }, or { header = \"name\" }"
)]
pub enum TokenLocation {
    /// A JSON pointer (RFC 6901) into the body.
    Pointer(String),
    /// A `Set-Cookie` of this name.
    Cookie(InCookie),
    /// A header of this name.
    Header(InHeader),
}

/// In a `Set-Cookie`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InCookie {
    /// The cookie's name.
    pub cookie: String,
}

/// In a header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InHeader {
    /// The header's name.
    pub header: String,
}

/// The meaning of a lifetime's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExpiresAs {
    /// Seconds from now on, as RFC 6749 §5.1 has them.
    #[default]
    Seconds,
    /// Milliseconds from now on.
    Milliseconds,
    /// The time of the end: text as in RFC 3339, or a number of seconds or milliseconds since 1970.
    Date,
}

/// Where the user is described: in the response to the login, else at an endpoint. When neither is
/// named, in the token's claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// A JSON pointer into the response to the login.
    #[serde(default)]
    pub login: Option<String>,
    /// A path on the API that returns the user for the token.
    #[serde(default)]
    pub path: Option<String>,
    /// A JSON pointer into that path's response, or else into the claims; empty is all of it.
    #[serde(default)]
    pub pointer: String,
    /// The fields that are kept in the session; empty keeps all.
    #[serde(default)]
    pub keep: Vec<String>,
}

impl fmt::Display for TokenLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer(pointer) => write!(f, "`{pointer}`"),
            Self::Cookie(it) => write!(f, "the cookie `{}`", it.cookie),
            Self::Header(it) => write!(f, "the header `{}`", it.header),
        }
    }
}
