//! The line to change when a contract does not fit, guessed from what came back.

use axum::http::StatusCode;
use serde_json::Value;

use super::{
    super::{ApiResponse, RequestError, Tokens},
    claims,
    redact::cookie_names,
};
use crate::{
    contract::{self, Contract, Encoding},
    secret::Secret,
};

/// For a call without a response.
pub(super) fn for_request_error(request_error: &RequestError) -> String {
    match request_error {
        RequestError::Unreachable { timeout: true, .. } => "[api] timeout = 60.0, if the API may take that long".into(),
        RequestError::Unreachable { .. } => "[api] url = \"…\": is the API running there?".into(),
        RequestError::Contract(_) => "[api.contract.login] path = \"…\"".into(),
    }
}

/// For a login that was not answered with success.
pub(super) fn for_status(contract: &Contract, answer: &ApiResponse) -> String {
    let login = &contract.login;
    match answer.status {
        StatusCode::NOT_FOUND => format!("[api.contract.login] path = \"{}\": the API has no such path", login.path),
        StatusCode::METHOD_NOT_ALLOWED => {
            format!("[api.contract.login] method = \"{}\" or path = \"{}\"", login.method.as_str(), login.path)
        }
        status if status.is_redirection() => {
            "[api] url or [api.contract.login] path: name the address that the redirect leads to".into()
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => {
            let other = if login.encoding == Encoding::Json { "form" } else { "json" };
            format!(
                "[api.contract.login] encoding = \"{other}\", or email_field = \"{}\" and password_field = \"{}\"",
                login.email_field, login.password_field
            )
        }
        status if login.refused.contains(&status.as_u16()) => format!(
            "nothing, if e-mail or password is wrong; else [api.contract.login] email_field = \"{}\" or password_field = \"{}\"",
            login.email_field, login.password_field
        ),
        status if status.is_client_error() => {
            format!("[api.contract.login] refused = [{}], if that means a wrong password", status.as_u16())
        }
        _ => "nothing: the API failed, so look into its log".into(),
    }
}

/// For a response without a usable token.
pub(super) fn for_tokens(places: &contract::Tokens, answer: &ApiResponse) -> String {
    let Ok(body) = answer.json() else {
        return match cookie_names(&answer.headers).first() {
            Some(name) => format!("[api.contract.tokens] access_token = {{ cookie = \"{name}\" }}"),
            None => "[api] url or [api.contract.login] path: this is no answer of an API".into(),
        };
    };
    let in_place = super::token::find(&places.access_token, answer, Ok(&body));
    if in_place.is_ok_and(|token| claims(&token).is_some_and(|claims| claims.get("exp").is_none())) {
        return "[api.contract.tokens] endless = true, or expires_in = \"…\"".into();
    }
    if super::token::find(&places.access_token, answer, Ok(&body)).is_ok() {
        return "[api.contract.tokens] expires_in = \"…\", with expires_as = \"seconds\", \"milliseconds\" or \"date\""
            .into();
    }
    let mut found = Vec::new();
    collect(&body, String::new(), &mut found);
    let best = found.iter().max_by_key(|(pointer, text)| likelihood(pointer, text));
    match (best, cookie_names(&answer.headers).first()) {
        (Some((pointer, text)), _) if likelihood(pointer, text) > 0 => {
            format!("[api.contract.tokens] access_token = \"{pointer}\"")
        }
        (_, Some(name)) => format!("[api.contract.tokens] access_token = {{ cookie = \"{name}\" }}"),
        _ => "[api.contract.tokens] access_token = \"…\": nothing in the answer looks like a token".into(),
    }
}

/// For a login without a user.
pub(super) fn for_user(login: &ApiResponse, tokens: &Tokens) -> String {
    let body = login.json().unwrap_or_default();
    let objects = body.as_object().into_iter().flatten().filter(|(_, value)| value.is_object());
    let described = objects.filter(|(_, value)| ["email", "name", "id"].iter().any(|field| value.get(field).is_some()));
    match described.map(|(name, _)| name).next() {
        Some(name) => format!("[api.contract.user] login = \"/{}\"", name.replace('~', "~0").replace('/', "~1")),
        None if claims(&tokens.access).is_some() => "[api.contract.user] pointer = \"\": the token has claims".into(),
        None => "[api.contract.user] path = \"…\": where the API answers who a token stands for".into(),
    }
}

/// For a user with tokens in it.
pub(super) fn for_left_out(user: &Value) -> String {
    let names = user.as_object().into_iter().flatten().map(|(name, _)| format!("{name:?}"));
    format!("[api.contract.user] keep = [{}]", names.collect::<Vec<_>>().join(", "))
}

/// How likely a text is the access token.
fn likelihood(pointer: &str, text: &str) -> u8 {
    let name = pointer.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let is_jwt = claims(&Secret::new(text)).is_some();
    let is_named = name.contains("token") || name == "jwt";
    let is_other = ["refresh", "type", "id_token", "csrf", "xsrf"].iter().any(|part| name.contains(part));
    match (is_jwt, is_named, is_other) {
        (_, _, true) | (false, false, _) => 0,
        (true, true, _) => 4,
        (true, false, _) => 3,
        (false, true, _) => 2,
    }
}

/// All texts with their pointers.
fn collect(value: &Value, pointer: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((pointer, text.clone())),
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(value, format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}
