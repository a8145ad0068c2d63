//! A call through the proxy that may be answered with tokens: a sign-up, or one of the contract's token routes.
//!
//! Tokens are a log-in: they go into a new session, and the page gets the rest of the answer. Without them the answer
//! is one like any other.

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
    contract::{Place, Tokens, User},
    proxy::{Issued, Issuer, Target},
    secret::Secret,
    session::Session,
    upstream::{ApiAnswer, Failure, has_access_token},
    user,
};

/// Passes such a call on.
pub(crate) async fn through_proxy(
    vestibule: &Vestibule,
    session: &Session,
    client: Option<SocketAddr>,
    (target, by): (Target, Issuer),
    request: Request,
) -> Response {
    let counted = match by {
        Issuer::SignUp => vestibule.count_sign_up(session),
        Issuer::Route(_) => vestibule.count_issue(session),
    };
    if let Err(failure) = counted {
        return problem(failure).into_response();
    }
    let proxy = vestibule.proxy();
    let mut issued = match proxy.ask_issuer(session.clone(), client, target, request).await {
        Ok(issued) => issued,
        Err(response) => return response,
    };
    if issued.is_encoded() && !issued.body().is_empty() {
        return proxy.withhold_issued(&issued, "has a Content-Encoding, which it was asked not to have");
    }
    match take_tokens(vestibule, session, by, &mut issued).await {
        Ok(()) => proxy.answer_issued(issued).await,
        Err(failure) => problem(failure).into_response(),
    }
}

/// Takes the tokens out of an answer and into the session, if it has any.
async fn take_tokens(vestibule: &Vestibule, session: &Session, by: Issuer, issued: &mut Issued) -> Result<(), Failure> {
    let (places, user) = described(vestibule, by);
    let answer = ApiAnswer { status: issued.status(), headers: issued.headers().clone(), body: issued.body().clone() };
    let means_it = answer.status.is_success() || answer.status.is_redirection();
    if !means_it || !has_access_token(places, &answer) {
        return Ok(());
    }
    let now = vestibule.sessions().clock().now();
    let log_in = vestibule.upstream().read_log_in(places, user, &answer, now).await?;
    let tokens = log_in.tokens.clone();
    vestibule.begin(session, log_in, None)?;
    let secrets: Vec<&Secret> = std::iter::once(&tokens.access).chain(&tokens.refresh).collect();
    issued.replace(harmless_fields(answer.headers, &secrets), harmless_body(places, &answer.body, &secrets));
    Ok(())
}

/// Where the answer has the tokens and the person.
fn described(vestibule: &Vestibule, by: Issuer) -> (&Tokens, &User) {
    let contract = vestibule.upstream().contract();
    let route = match by {
        Issuer::SignUp => None,
        Issuer::Route(index) => contract.token_routes.get(index),
    };
    let tokens = route.and_then(|route| route.tokens.as_ref()).unwrap_or(&contract.tokens);
    (tokens, route.and_then(|route| route.user.as_ref()).unwrap_or(&contract.user))
}

/// The answer's fields without cookies, and without any that holds a token.
fn harmless_fields(mut headers: HeaderMap, secrets: &[&Secret]) -> HeaderMap {
    headers.remove(header::SET_COOKIE);
    let holds_one =
        |value: &[u8]| secrets.iter().any(|it| memchr::memmem::find(value, it.expose().as_bytes()).is_some());
    let named: Vec<_> =
        headers.iter().filter(|(_, value)| holds_one(value.as_bytes())).map(|(name, _)| name.clone()).collect();
    for name in named {
        headers.remove(name);
    }
    headers
}

/// The answer's JSON without its tokens; another body is as it was.
fn harmless_body(places: &Tokens, body: &Bytes, secrets: &[&Secret]) -> Bytes {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return body.clone() };
    for place in std::iter::once(&places.access_token).chain(&places.refresh_token) {
        if let Place::Pointer(pointer) = place {
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
    fn leaves_no_token_in_the_answer() {
        let places = Contract::default().tokens;
        let (access, refresh) = (Secret::new("the-access-token"), Secret::new("the-refresh-token"));
        let secrets = [&access, &refresh];
        let body = json!({
            "access_token": "the-access-token", "refresh_token": "the-refresh-token", "expires_in": 60,
            "user": {"id": 1, "token": "the-access-token"},
        });
        let left = harmless_body(&places, &body.to_string().into(), &secrets);
        assert_eq!(serde_json::from_slice::<Value>(&left).unwrap(), json!({"expires_in": 60, "user": {"id": 1}}));
        let text = Bytes::from_static(b"welcome");
        assert_eq!(harmless_body(&places, &text, &secrets), text);

        let mut headers = HeaderMap::new();
        for (name, value) in
            [("authorization", "Bearer the-access-token"), ("set-cookie", "a=b"), ("x-total", "1"), ("x-next", "/x")]
        {
            headers.insert(name, value.parse().unwrap());
        }
        let left = harmless_fields(headers, &secrets);
        assert_eq!(left.keys().map(header::HeaderName::as_str).collect::<Vec<_>>(), ["x-total", "x-next"]);
    }
}
