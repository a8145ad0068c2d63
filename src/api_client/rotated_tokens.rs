//! The tokens that an API rotates in ordinary responses.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;

use super::{ApiClient, ApiResponse, Tokens};
use crate::contract::{self, TokenLocation};

/// Where rotated tokens are found.
#[derive(Clone, Debug)]
pub(crate) struct RotatedTokenLocations {
    tokens: contract::Tokens,
    /// The field of the access token, and that of the refresh token.
    names: Vec<HeaderName>,
    /// The cookie that is the access token, if it is one.
    cookie: Option<String>,
    /// All cookies that are tokens.
    cookies: Vec<String>,
}

impl RotatedTokenLocations {
    /// As the contract has them, if it has any.
    pub(super) fn of(tokens: &contract::Tokens) -> Option<Self> {
        let access_token = tokens.rolled_place()?.clone();
        let refresh_token = tokens.refresh_token.clone().filter(|place| !matches!(place, TokenLocation::Pointer(_)));
        let places: Vec<&TokenLocation> = std::iter::once(&access_token).chain(&refresh_token).collect();
        let name = |place: &&TokenLocation| match place {
            TokenLocation::Header(it) => HeaderName::try_from(it.header.as_str()).ok(),
            TokenLocation::Cookie(_) => Some(header::SET_COOKIE),
            TokenLocation::Pointer(_) => None,
        };
        let cookie = |place: &TokenLocation| match place {
            TokenLocation::Cookie(it) => Some(it.cookie.clone()),
            TokenLocation::Header(_) | TokenLocation::Pointer(_) => None,
        };
        let mut names: Vec<HeaderName> = places.iter().filter_map(name).collect();
        names.dedup();
        let cookies = places.iter().filter_map(|place| cookie(place)).collect();
        let cookie = cookie(&access_token);
        // The whole of the response's lifetime is told by the token itself, as there is no body to look into.
        let tokens = contract::Tokens { access_token, refresh_token, expires_in: None, ..tokens.clone() };
        Some(Self { tokens, names, cookie, cookies })
    }

    /// The header fields in which tokens may be.
    pub(crate) fn names(&self) -> &[HeaderName] {
        &self.names
    }

    /// Whether the next access token is among these fields.
    pub(crate) fn are_in(&self, headers: &HeaderMap) -> bool {
        let Some(name) = self.names.first().filter(|name| headers.contains_key(*name)) else { return false };
        let Some(cookie) = &self.cookie else { return true };
        headers.get_all(name).iter().any(|value| is_named(value, cookie))
    }

    /// Whether a `Set-Cookie` is one of a token.
    pub(crate) fn is_cookie(&self, value: &HeaderValue) -> bool {
        self.cookies.iter().any(|cookie| is_named(value, cookie))
    }
}

fn is_named(set_cookie: &HeaderValue, name: &str) -> bool {
    let rest = set_cookie.as_bytes().trim_ascii_start().strip_prefix(name.as_bytes());
    rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"="))
}

impl ApiClient {
    /// Where an ordinary response may hold the next token.
    pub(crate) fn rolled(&self) -> Option<&RotatedTokenLocations> {
        self.rolled.as_ref()
    }

    /// The tokens in the headers of an ordinary response, checked. Problems with them are logged.
    pub(crate) async fn rolled_tokens(&self, headers: HeaderMap, now: i64) -> Option<Tokens> {
        let places = self.rolled.as_ref()?;
        let answer = ApiResponse { status: StatusCode::OK, headers, body: Bytes::new() };
        match self.tokens_at(&places.tokens, &answer, now).await {
            Ok(tokens) => Some(tokens),
            Err(request_error) => {
                request_error.log();
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::contract::Contract;

    fn places(tokens: &Value) -> Option<RotatedTokenLocations> {
        let contract = Contract::try_from(json!({"login": {"path": "/login"}, "tokens": tokens})).unwrap();
        RotatedTokenLocations::of(&contract.tokens)
    }

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_token_of_a_header_or_a_cookie_may_be_rolled() {
        assert!(places(&json!({"access_token": "/token"})).is_none());
        let header = places(&json!({"access_token": "/token", "rolled": {"header": "Authorization"}})).unwrap();
        assert!(header.are_in(&headers(&[("authorization", "Bearer x")])));
        assert!(!header.are_in(&headers(&[("set-cookie", "authorization=x")])));
        let cookie = places(&json!({"access_token": {"cookie": "at"}, "refresh_token": {"cookie": "rt"}})).unwrap();
        assert!(cookie.are_in(&headers(&[("set-cookie", "lang=en"), ("set-cookie", "at=x; Path=/")])));
        assert!(!cookie.are_in(&headers(&[("set-cookie", "att=x"), ("set-cookie", "rt=x")])));
        assert!(cookie.is_cookie(&HeaderValue::from_static("rt=y")));
        assert_eq!(cookie.names().len(), 1);
    }
}
