//! Tokens as the API answers them.

use serde_json::Value;

use crate::{contract, secret::Secret};

/// What a log-in or a refresh brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The access token.
    pub access: Secret,
    /// When it ends, in seconds since the epoch by this server's clock, where the API says.
    pub expires_at: Option<i64>,
    /// The refresh token, where the API gives one.
    pub refresh: Option<Secret>,
}

impl Tokens {
    /// Finds the tokens in an answer; `None` without an access token that can be sent in a header.
    pub(super) fn read(pointers: &contract::Tokens, answer: &Value, now: i64) -> Option<Self> {
        let text = |pointer: &str| answer.pointer(pointer)?.as_str().filter(|text| is_token(text));
        let access = Secret::new(text(&pointers.access_token)?);
        let told = pointers.expires_in.as_ref().and_then(|pointer| seconds(answer.pointer(pointer)?));
        let expires_at = told.map(|seconds| now.saturating_add(seconds)).or_else(|| expiry(&claims(&access)?, now));
        let refresh = pointers.refresh_token.as_ref().and_then(|pointer| text(pointer)).map(Secret::new);
        Some(Self { access, expires_at, refresh })
    }
}

/// A token that fits into a header value (RFC 9110 §5.5): visible ASCII.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).filter(|seconds| *seconds > 0)
}

/// When a JWT ends by this server's clock.
///
/// The token's lifetime counts from now on when it says when it was issued (`iat`), so that a clock
/// that differs from the API's makes no difference.
fn expiry(claims: &Value, now: i64) -> Option<i64> {
    let number = |name: &str| claims.get(name)?.as_f64().map(whole);
    let end = number("exp")?;
    let issued = number("iat").filter(|issued| *issued < end);
    Some(issued.map_or(end, |issued| now.saturating_add(end - issued)))
}

#[expect(clippy::cast_possible_truncation, reason = "NumericDate may have a fraction (RFC 7519 §2), which is dropped")]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}

/// The claims of a JWT, unverified: the API issued the token and verifies it on each call. `None`
/// for an opaque token.
pub(super) fn claims(token: &Secret) -> Option<Value> {
    jsonwebtoken::dangerous::insecure_decode::<Value>(token.expose()).ok().map(|data| data.claims)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;

    fn jwt(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims))
    }

    fn pointers() -> contract::Tokens {
        contract::Tokens {
            access_token: "/access_token".into(),
            refresh_token: Some("/refresh_token".into()),
            expires_in: Some("/expires_in".into()),
        }
    }

    fn read(answer: &Value) -> Option<Tokens> {
        Tokens::read(&pointers(), answer, 1_000)
    }

    #[test]
    fn reads_oauth_names() {
        let tokens = read(&json!({"access_token": "a", "refresh_token": "r", "expires_in": 900})).unwrap();
        assert_eq!(tokens.expires_at, Some(1_900));
        assert_eq!(tokens.refresh, Some(Secret::new("r")));
    }

    #[test]
    fn falls_back_to_the_jwt_with_any_clock() {
        let token = jwt(&json!({"iat": 500_000, "exp": 500_060}));
        assert_eq!(read(&json!({"access_token": token})).unwrap().expires_at, Some(1_060));
        let token = jwt(&json!({"exp": 1_030}));
        assert_eq!(read(&json!({"access_token": token})).unwrap().expires_at, Some(1_030));
        assert_eq!(read(&json!({"access_token": "opaque"})).unwrap().expires_at, None);
    }

    #[test]
    fn refuses_what_is_no_token() {
        for answer in [
            json!({}),
            json!([]),
            json!({"access_token": 7}),
            json!({"access_token": ""}),
            json!({"access_token": "a b"}),
            json!({"access_token": "a\r\nX: y"}),
        ] {
            assert_eq!(read(&answer), None, "{answer}");
        }
    }
}
