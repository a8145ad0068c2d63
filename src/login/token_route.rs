//! Calls through the proxy that may return tokens: a signup, or one of the contract's token routes.
//!
//! Tokens in the response are a login: they go into a new session, and the page gets the rest of the response. A
//! response without tokens is forwarded like any other.

use std::net::SocketAddr;

use axum::{
    extract::Request,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::Value;

use super::problem;
use crate::{
    Vestibule,
    api_client::{ApiError, ApiResponse, has_access_token},
    contract::{Issuer, TokenLocation, Tokens, User},
    proxy::{Target, TokenResponse},
    secret::Secret,
    session::Session,
    user,
};

/// Forwards such a call.
pub(crate) async fn through_proxy(
    vestibule: &Vestibule,
    session: &Session,
    client: Option<SocketAddr>,
    (target, by): (Target, Issuer),
    request: Request,
) -> Response {
    let counted = match by {
        Issuer::Signup => vestibule.count_signup(session),
        Issuer::Route(_) => vestibule.count_token_request(session),
    };
    if let Err(failure) = counted {
        return problem(failure).into_response();
    }
    let proxy = vestibule.proxy();
    let mut issued = match proxy.call_token_route(session.clone(), client, target, request).await {
        Ok(issued) => issued,
        Err(response) => return response,
    };
    if issued.is_encoded() && !issued.body().is_empty() {
        return proxy.withhold_issued(&issued, "has a Content-Encoding, although the request did not accept one");
    }
    match take_tokens(vestibule, session, by, &mut issued).await {
        Ok(()) => proxy.respond_to_token_route(issued).await,
        Err(failure) => problem(failure).into_response(),
    }
}

/// Moves the tokens of a response, if any, into the session.
async fn take_tokens(
    vestibule: &Vestibule,
    session: &Session,
    by: Issuer,
    issued: &mut TokenResponse,
) -> Result<(), ApiError> {
    let (places, user) = token_locations(vestibule, by);
    let response =
        ApiResponse { status: issued.status(), headers: issued.headers().clone(), body: issued.body().clone() };
    let is_accepted = response.status.is_success() || response.status.is_redirection();
    if !is_accepted || !has_access_token(places, &response) {
        return Ok(());
    }
    let now = vestibule.sessions().clock().now();
    let login = vestibule.upstream().read_log_in(places, user, &response, now).await?;
    let tokens = login.tokens.clone();
    vestibule.start_session(session, login, None)?;
    let secrets: Vec<&Secret> = std::iter::once(&tokens.access).chain(&tokens.refresh).collect();
    issued.replace(
        headers_without_tokens(response.headers, &secrets),
        body_without_tokens(places, &response.body, &secrets),
    );
    Ok(())
}

/// The locations of the tokens and the user in the response.
fn token_locations(vestibule: &Vestibule, by: Issuer) -> (&Tokens, &User) {
    let contract = vestibule.upstream().contract();
    let route = match by {
        Issuer::Signup => None,
        Issuer::Route(index) => contract.token_routes.get(index),
    };
    let tokens = route.and_then(|route| route.tokens.as_ref()).unwrap_or(&contract.tokens);
    (tokens, route.and_then(|route| route.user.as_ref()).unwrap_or(&contract.user))
}

/// The response headers without cookies, and without any that contains a token.
fn headers_without_tokens(mut headers: HeaderMap, secrets: &[&Secret]) -> HeaderMap {
    headers.remove(header::SET_COOKIE);
    let holds_token =
        |value: &[u8]| secrets.iter().any(|it| memchr::memmem::find(value, it.expose().as_bytes()).is_some());
    let names: Vec<_> =
        headers.iter().filter(|(_, value)| holds_token(value.as_bytes())).map(|(name, _)| name.clone()).collect();
    for name in names {
        headers.remove(name);
    }
    headers
}

/// The JSON of a response without its tokens. Any other body is unchanged.
fn body_without_tokens(places: &Tokens, body: &Bytes, secrets: &[&Secret]) -> Bytes {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return body.clone() };
    for place in std::iter::once(&places.access_token).chain(&places.refresh_token) {
        if let TokenLocation::Pointer(pointer) = place {
            user::remove(&mut value, pointer);
        }
    }
    user::strip(&mut value, secrets, None);
    value.to_string().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::Contract;

    #[test]
    fn leaves_no_token_in_the_response() {
        let places = Contract::default().tokens;
        let (access, refresh) = (Secret::new("the-access-token"), Secret::new("the-refresh-token"));
        let secrets = [&access, &refresh];
        let body = json!({
            "access_token": "the-access-token", "refresh_token": "the-refresh-token", "expires_in": 60,
            "user": {"id": 1, "token": "the-access-token"},
        });
        let left = body_without_tokens(&places, &body.to_string().into(), &secrets);
        assert_eq!(serde_json::from_slice::<Value>(&left).unwrap(), json!({"expires_in": 60, "user": {"id": 1}}));
        let text = Bytes::from_static(b"welcome");
        assert_eq!(body_without_tokens(&places, &text, &secrets), text);

        let mut headers = HeaderMap::new();
        for (name, value) in
            [("authorization", "Bearer the-access-token"), ("set-cookie", "a=b"), ("x-total", "1"), ("x-next", "/x")]
        {
            headers.insert(name, value.parse().unwrap());
        }
        let left = headers_without_tokens(headers, &secrets);
        assert_eq!(left.keys().map(header::HeaderName::as_str).collect::<Vec<_>>(), ["x-total", "x-next"]);
    }
}
