//! Tokens in the API's responses.

use axum::http::{HeaderMap, header};
use cookie::{Cookie, time::Duration};
use serde_json::Value;

use super::{ApiResponse, expiry};
use crate::{
    contract::{self, TokenLocation},
    secret::Secret,
};

/// The tokens of a login or refresh response.
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
    /// Finds the tokens in a response.
    ///
    /// # Errors
    /// Why there is no access token that can be used, for an operator: what is missing is named by its
    /// place, and nothing of a token is quoted.
    pub(super) fn read(places: &contract::Tokens, answer: &ApiResponse, now: i64) -> Result<Self, String> {
        let body = answer.json();
        let access = find(&places.access_token, answer, body.as_ref())?;
        let expires_at = expiry(places, body.as_ref().ok(), &access, now)?;
        let refresh = match &places.refresh_token {
            Some(place) if is_there(place, answer, body.as_ref().ok()) => Some(find(place, answer, body.as_ref())?),
            _ => None,
        };
        Ok(Self { access, expires_at, refresh })
    }

    /// Finds the refresh token in a response, whatever becomes of its access token.
    pub(super) fn read_refresh(places: &contract::Tokens, answer: &ApiResponse) -> Option<Secret> {
        find(places.refresh_token.as_ref()?, answer, answer.json().as_ref()).ok()
    }
}

/// Whether a response has an access token.
pub(crate) fn has_access_token(places: &contract::Tokens, answer: &ApiResponse) -> bool {
    is_there(&places.access_token, answer, answer.json().ok().as_ref())
}

/// Whether anything but `null` lies there: an API may leave a refresh token out.
fn is_there(place: &TokenLocation, answer: &ApiResponse, body: Option<&Value>) -> bool {
    match place {
        TokenLocation::Pointer(pointer) => {
            body.and_then(|body| body.pointer(pointer)).is_some_and(|value| !value.is_null())
        }
        TokenLocation::Cookie(it) => set_cookie(&answer.headers, &it.cookie).is_some(),
        TokenLocation::Header(it) => answer.headers.contains_key(&it.header),
    }
}

/// The token that lies at a place.
pub(super) fn find(
    place: &TokenLocation,
    answer: &ApiResponse,
    body: Result<&Value, &String>,
) -> Result<Secret, String> {
    let text = match place {
        TokenLocation::Pointer(pointer) => text_at(pointer, body?)?,
        TokenLocation::Cookie(it) => {
            set_cookie(&answer.headers, &it.cookie).ok_or_else(|| format!("the answer does not set {place}"))?
        }
        TokenLocation::Header(it) => {
            let value = answer.headers.get(&it.header).ok_or_else(|| format!("the answer lacks {place}"))?;
            value.to_str().unwrap_or_default().to_owned()
        }
    };
    let text = without_scheme(&text);
    if is_token(text) {
        return Ok(Secret::new(text));
    }
    let problem = if text.is_empty() { "an empty text" } else { "a text with characters that no token has" };
    Err(format!("at {place} is {problem}"))
}

fn text_at(pointer: &str, body: &Value) -> Result<String, String> {
    match body.pointer(pointer) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(format!("at `{pointer}` is {}, not a text", kind(other))),
        None => {
            let names = body.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>().join(", "));
            let has = names.map_or_else(|| format!("it is {}", kind(body)), |names| format!("it has: {names}"));
            // Names of fields, bounded: an API could send anything.
            Err(format!("the answer has no token at `{pointer}`; {}", has.chars().take(200).collect::<String>()))
        }
    }
}

/// The type of a JSON value, for a message.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The value of the cookie that a response sets, unless it takes the cookie away.
fn set_cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(header::SET_COOKIE).iter();
    let cookies = values.filter_map(|value| Cookie::parse(value.to_str().ok()?.to_owned()).ok());
    let mut own = cookies.filter(|cookie| cookie.name() == name);
    let cookie = own.next_back()?;
    (cookie.max_age().is_none_or(|age| age > Duration::ZERO)).then(|| cookie.value().to_owned())
}

/// A token without the name of its scheme, which some APIs put in front: `Bearer eyJ…` (RFC 6750 §2.1).
fn without_scheme(text: &str) -> &str {
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { text }
}

/// A token that fits into a header value (RFC 9110 §5.5) and into a cookie's (RFC 6265 §4.1.1):
/// visible ASCII that ends neither.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"' | b'\\'))
}

/// When the access token ends: as the response tells, else as the token itself does.
fn expiry(places: &contract::Tokens, body: Option<&Value>, access: &Secret, now: i64) -> Result<Option<i64>, String> {
    let told = places.expires_in.as_ref().and_then(|pointer| Some((pointer, body?.pointer(pointer)?)));
    if let Some((pointer, value)) = told
        && !value.is_null()
    {
        return match expiry::told(value, places.expires_as, now) {
            Ok(end) => Ok(Some(end)),
            Err(problem) => Err(format!("the lifetime at `{pointer}` {problem}")),
        };
    }
    let Some(claims) = claims(access) else { return Ok(None) };
    match expiry::of_claims(&claims, now) {
        Some(end) if end <= now => Err("the token's `exp` lies in the past".into()),
        None if !places.endless => {
            Err("the token is a JWT without `exp`, and the contract does not say `tokens.endless = true`".into())
        }
        end => Ok(end),
    }
}

/// The claims of a JWT, unverified: the API issued the token and verifies it on each call. `None`
/// for an opaque token.
pub(crate) fn claims(token: &Secret) -> Option<Value> {
    jsonwebtoken::dangerous::insecure_decode::<Value>(token.expose()).ok().map(|data| data.claims)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;
    use crate::contract::{ExpiresAs, InCookie, InHeader};

    fn jwt(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims))
    }

    fn places() -> contract::Tokens {
        contract::Tokens {
            access_token: TokenLocation::Pointer("/access_token".into()),
            refresh_token: Some(TokenLocation::Pointer("/refresh_token".into())),
            expires_in: Some("/expires_in".into()),
            expires_as: ExpiresAs::Seconds,
            endless: false,
            rolled: None,
        }
    }

    fn answer(body: &Value, headers: &[(&'static str, &str)]) -> ApiResponse {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        ApiResponse { status: StatusCode::OK, headers: map, body: body.to_string().into() }
    }

    fn read(body: &Value) -> Result<Tokens, String> {
        Tokens::read(&places(), &answer(body, &[]), 1_000)
    }

    #[test]
    fn reads_oauth_names() {
        let tokens = read(&json!({"access_token": "a", "refresh_token": "r", "expires_in": 900})).unwrap();
        assert_eq!(tokens.expires_at, Some(1_900));
        assert_eq!(tokens.refresh, Some(Secret::new("r")));
    }

    #[test]
    fn reads_cookies_and_headers() {
        let places = contract::Tokens {
            access_token: TokenLocation::Header(InHeader { header: "auth-token".into() }),
            refresh_token: Some(TokenLocation::Cookie(InCookie { cookie: "refreshToken".into() })),
            ..places()
        };
        let cookies = ("set-cookie", "refreshToken=r1; HttpOnly; Path=/api; Max-Age=60");
        let read = |headers: &[(&'static str, &str)]| Tokens::read(&places, &answer(&json!("ok"), headers), 1_000);
        let tokens = read(&[("set-cookie", "other=x"), cookies, ("auth-token", "a1")]).unwrap();
        assert_eq!((tokens.access, tokens.refresh), (Secret::new("a1"), Some(Secret::new("r1"))));
        let removed = read(&[("set-cookie", "refreshToken=; Max-Age=0"), ("auth-token", "a1")]).unwrap();
        assert_eq!(removed.refresh, None);
        assert!(read(&[cookies]).unwrap_err().contains("`auth-token`"));
    }

    #[test]
    fn cuts_the_name_of_the_scheme_off() {
        for text in ["a1", "Bearer a1", "bearer  a1"] {
            assert_eq!(read(&json!({"access_token": text})).unwrap().access, Secret::new("a1"), "{text}");
        }
        assert!(read(&json!({"access_token": "Bearer "})).unwrap_err().contains("empty"));
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
    fn a_jwt_without_an_end_has_to_be_allowed() {
        let body = json!({"access_token": jwt(&json!({"sub": "1"}))});
        assert!(read(&body).unwrap_err().contains("without `exp`"));
        let places = contract::Tokens { endless: true, ..places() };
        assert_eq!(Tokens::read(&places, &answer(&body, &[]), 1_000).unwrap().expires_at, None);
    }

    #[test]
    fn says_what_is_no_token_and_quotes_nothing() {
        for (body, part) in [
            (json!({"accessToken": "secret"}), "no token at `/access_token`; it has: accessToken"),
            (json!(["secret"]), "it is a list"),
            (json!({"access_token": 7}), "a number, not a text"),
            (json!({"access_token": null}), "null, not a text"),
            (json!({"access_token": {"secret": 1}}), "an object, not a text"),
            (json!({"access_token": ""}), "empty"),
            (json!({"access_token": "secret b"}), "characters"),
            (json!({"access_token": "secret;b=c"}), "characters"),
            (json!({"access_token": "secret\r\nX: y"}), "characters"),
            (json!({"access_token": "secret", "expires_in": "soon"}), "lifetime at `/expires_in`"),
            (json!({"access_token": "secret", "refresh_token": 7}), "`/refresh_token`"),
            (json!({"access_token": jwt(&json!({"exp": 900}))}), "past"),
        ] {
            let cause = read(&body).unwrap_err();
            assert!(cause.contains(part), "{body}: {cause}");
            assert!(!cause.contains("secret"), "{cause}");
        }
    }
}
