//! The calls of a contract: login, refresh, logout, signup.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Tokens, User};

/// The login call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The method; never GET, which would write the password into the API's access log.
    #[serde(default)]
    pub method: Method,
    /// The path on the API, from its base URL.
    pub path: String,
    /// How the fields are encoded.
    #[serde(default)]
    pub encoding: Encoding,
    /// The name of the field that takes the e-mail address.
    #[serde(default = "email")]
    pub email_field: String,
    /// The name of the field that takes the password.
    #[serde(default = "password")]
    pub password_field: String,
    /// Further fields with constant values.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// The statuses that mean "wrong e-mail or password". Any other one but success is a failure of
    /// the API.
    #[serde(default = "refused_log_in")]
    pub refused: Vec<u16>,
    /// A JSON pointer to the API's own words in such a response. Without it users read a sentence of
    /// this server's.
    #[serde(default)]
    pub message: Option<String>,
}

/// The refresh call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// The path on the API.
    pub path: String,
    /// How the fields are encoded.
    #[serde(default)]
    pub encoding: Encoding,
    /// How the refresh token is sent.
    #[serde(default)]
    pub send: Carrier,
    /// Further fields with constant values.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// Whether the response may bring the next refresh token. When it may not, the one from the login
    /// stays, whatever the response says.
    #[serde(default = "yes")]
    pub rotates: bool,
    /// The statuses that mean "this refresh token is no good": the session ends. Any other one but
    /// success leaves the session as it is.
    #[serde(default = "refused_refresh")]
    pub refused: Vec<u16>,
}

/// The logout call. It always carries the access token, as any call does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Logout {
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// The path on the API.
    pub path: String,
    /// How the fields are encoded.
    #[serde(default)]
    pub encoding: Encoding,
    /// How the refresh token is sent along, for an API that revokes by it (RFC 7009).
    #[serde(default)]
    pub send: Option<Carrier>,
    /// Further fields with constant values.
    #[serde(default)]
    pub fields: Map<String, Value>,
}

/// The signup call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signup {
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// The path on the API.
    pub path: String,
    /// How the fields are encoded.
    #[serde(default)]
    pub encoding: Encoding,
    /// The name of the field that takes the e-mail address.
    #[serde(default = "email")]
    pub email_field: String,
    /// The name of the field that takes the password.
    #[serde(default = "password")]
    pub password_field: String,
    /// The name of the field that takes the user's name.
    #[serde(default = "name")]
    pub name_field: String,
    /// Further fields with constant values.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// A JSON pointer to the API's own words when it refuses.
    #[serde(default)]
    pub message: Option<String>,
    /// A JSON pointer to what is wrong with single fields: an object of field to text.
    #[serde(default = "errors")]
    pub errors: String,
}

/// A call besides login and signup whose response may hold tokens, like the reset of a password. A page makes it through
/// the proxy; the tokens go into the session, and the page gets the rest of the response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRoute {
    /// The method. Any other one at this path is closed, unless another token route names it.
    #[serde(default)]
    pub method: Method,
    /// The path on the API. What lies below it is closed, see [`Contract::allow_below`](super::Contract::allow_below).
    pub path: String,
    /// Where the tokens lie in its response, if not where the login has them.
    #[serde(default)]
    pub tokens: Option<Tokens>,
    /// Where the user is described, if not where the login has it.
    #[serde(default)]
    pub user: Option<User>,
}

/// What users can do with their account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Where a `PATCH` with the field `name`, or with `password` and `current_password`, changes the
    /// user, and returns the changed user.
    pub path: String,
    /// Where a `GET` lists the user's sessions, and a `DELETE` ends all but the one that asks; with
    /// `/` and an id behind, that one. Absent when the API has no such list.
    #[serde(default)]
    pub sessions: Option<String>,
}

/// A method of HTTP that a contract may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `GET`, for a refresh or a logout that reads only a header or a cookie.
    Get,
    /// `POST`.
    #[default]
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// As it stands in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// For a request.
    pub fn to_http(self) -> http::Method {
        match self {
            Self::Get => http::Method::GET,
            Self::Post => http::Method::POST,
            Self::Put => http::Method::PUT,
            Self::Patch => http::Method::PATCH,
            Self::Delete => http::Method::DELETE,
        }
    }
}

/// How fields travel to the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// `application/json`.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
}

/// How a refresh token travels to the API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// In the body, as a field of this name.
    Field(String),
    /// In a header of this name.
    Header(String),
    /// In a cookie of this name.
    Cookie(String),
    /// As `Authorization: Bearer <refresh token>`.
    Bearer,
}

impl Default for Carrier {
    /// As RFC 6749 §6 has it.
    fn default() -> Self {
        Self::Field("refresh_token".into())
    }
}

fn email() -> String {
    "email".into()
}

fn password() -> String {
    "password".into()
}

fn name() -> String {
    "name".into()
}

fn errors() -> String {
    "/errors".into()
}

fn yes() -> bool {
    true
}

fn refused_log_in() -> Vec<u16> {
    vec![400, 401, 403, 422]
}

fn refused_refresh() -> Vec<u16> {
    vec![400, 401]
}
