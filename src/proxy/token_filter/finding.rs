//! A token that was found, as the log tells of it.

use std::fmt;

use http::HeaderName;

use super::{Rules, jwt::Kind};

/// The longest value of a claim that is written into the log, in characters.
const MAX_VALUE: usize = 100;

/// Why something is withheld.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Why {
    /// It is one of the session's own tokens, or another of their kind.
    Session,
    /// It lies at a token place of the contract.
    TokenLocation(String),
    /// It is a JWT.
    Jwt(Box<Kind>),
    /// The body has a content coding that cannot be looked into.
    Coding,
    /// The body is not what its content coding says, or grows beyond all bounds.
    Undecodable,
}

/// A token in a response, or what may hide one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(in crate::proxy) struct Finding {
    pub(in crate::proxy) why: Why,
    /// The place in the response.
    pub(in crate::proxy) place: String,
    /// The path of the API that answered it, without its query.
    pub(in crate::proxy) path: String,
    /// The setting that changes it.
    pub(in crate::proxy) mend: String,
}

impl Finding {
    /// The finding at `place` of a response to a call for `path`.
    #[expect(clippy::unnecessary_box_returns, reason = "it is rare and large, and errors are to be small")]
    pub(in crate::proxy) fn new(rules: &Rules, why: Why, place: impl Into<String>, path: &str) -> Box<Self> {
        let route = format!("token_routes = [{{ path = {path:?} }}]");
        let mend = mend(rules, &why, &route);
        Box::new(Self { why, place: place.into(), path: path.to_owned(), mend })
    }

    /// The same for a header or trailer field.
    #[expect(clippy::unnecessary_box_returns, reason = "it is rare and large, and errors are to be small")]
    pub(in crate::proxy) fn in_field(rules: &Rules, why: Why, name: &HeaderName, path: &str) -> Box<Self> {
        let route = format!("tokens.rolled = {{ header = \"{name}\" }}, or token_routes = [{{ path = {path:?} }}]");
        let mend = mend(rules, &why, &route);
        Box::new(Self { why, place: format!("the header {name}"), path: path.to_owned(), mend })
    }

    /// Writes the one line about it.
    pub(in crate::proxy) fn log(&self, request_id: &str, upstream: &str, done: &str) {
        let Self { why, place, path, mend } = self;
        tracing::error!(request_id, upstream, path, place, error = %why, mend, "{done}");
    }
}

/// The lines of TOML that adopt what was found, or let it through.
fn mend(rules: &Rules, why: &Why, adopt: &str) -> String {
    let section = if rules.prefix.is_empty() {
        "[proxy]".to_owned()
    } else {
        format!("[[proxy.routes]] prefix = {:?}", rules.prefix)
    };
    let page_token = match why {
        Why::Coding | Why::Undecodable => {
            return format!("if no token can be in it: {section} token_guard = false");
        }
        Why::Session => return format!("to adopt it: [api.contract] {adopt}"),
        Why::TokenLocation(pointer) => pointer.clone(),
        Why::Jwt(kind) => {
            let value = kind.issuer.as_ref().or(kind.audience.first()).or(kind.typ.as_ref());
            value.map_or_else(|| "any".into(), |value| short(value))
        }
    };
    format!("to adopt it: [api.contract] {adopt}; if it is for pages: {section} page_tokens = [{page_token:?}]")
}

fn short(value: &str) -> String {
    value.chars().take(MAX_VALUE).collect()
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session => f.write_str("the API's answer holds a token of the session or one of its kind"),
            Self::TokenLocation(place) => write!(f, "the API's answer holds a token at the contract's place {place}"),
            Self::Jwt(kind) => {
                f.write_str("the API's answer holds a JWT")?;
                let audience = (!kind.audience.is_empty()).then(|| kind.audience.join(" "));
                for (name, value) in [("iss", &kind.issuer), ("aud", &audience), ("typ", &kind.typ)] {
                    if let Some(value) = value {
                        write!(f, ", {name} {:?}", short(value))?;
                    }
                }
                Ok(())
            }
            Self::Coding => f.write_str("the API's answer has a content coding that cannot be searched"),
            Self::Undecodable => f.write_str("the API's answer cannot be decoded to be searched"),
        }
    }
}
