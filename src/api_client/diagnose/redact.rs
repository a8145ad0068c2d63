//! Requests and responses as an operator may see them: their shape, without secrets.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::super::{ApiClient, ApiResponse, ContractRequest, api_error::sentence, contract_request::form};
use crate::{contract::Encoding, secret::Secret};

/// How much of a shape is shown, in characters.
const MAX_LINE: usize = 600;

/// The request that is about to be sent.
pub(super) fn request_lines(
    upstream: &ApiClient,
    contract_request: &ContractRequest,
    with_token: bool,
    secrets: &[&str],
) -> Vec<String> {
    let mut lines =
        vec![format!("sent   {} {}", contract_request.method.as_str(), upstream.url(&contract_request.path))];
    for name in contract_request.headers.keys() {
        lines.push(format!("       {name}: [redacted]"));
    }
    if with_token {
        lines.push(format!("       with the access token, as credential = {:?}", upstream.contract().credential));
    }
    let fields: Map<String, Value> =
        contract_request.fields.iter().map(|(name, value)| (name.clone(), without(value, secrets))).collect();
    lines.push(match contract_request.encoding {
        Encoding::Json => format!("       application/json {}", Value::Object(fields)),
        Encoding::Form => {
            let pairs: Vec<_> = form(&fields).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("       application/x-www-form-urlencoded {}", pairs.join("&"))
        }
    });
    lines
}

fn without(value: &Value, secrets: &[&str]) -> Value {
    match value.as_str() {
        Some(text) if secrets.contains(&text) => "[redacted]".into(),
        _ => value.clone(),
    }
}

/// The response: its status, the cookies that it sets, the shape of its JSON, and in a refusal the
/// API's own words.
pub(super) fn answer_lines(answer: &ApiResponse, secrets: &[&str]) -> Vec<String> {
    let mut lines = vec![format!("got    {}, {}, {} bytes", answer.status, answer.content_type(), answer.body.len())];
    for name in cookie_names(&answer.headers) {
        lines.push(format!("       set-cookie: {name}=[redacted]"));
    }
    let Ok(body) = answer.json() else { return lines };
    lines.push(format!("       {}", shape(&body).chars().take(MAX_LINE).collect::<String>()));
    if !answer.status.is_success() {
        let told = ["/detail", "/message", "/error_description", "/error", "/title"];
        if let Some(words) = told.iter().find_map(|pointer| sentence(&body, pointer)) {
            let clean = secrets.iter().fold(words.to_owned(), |words, secret| words.replace(secret, "[redacted]"));
            lines.push(format!("       it says: {}", clean.replace(char::is_control, " ")));
        }
    }
    lines
}

/// The names of the cookies that a response sets.
pub(super) fn cookie_names(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::SET_COOKIE).iter();
    values.filter_map(|value| Some(value.to_str().ok()?.split('=').next()?.trim().to_owned())).collect()
}

/// JSON with the names of its fields and no text of its values.
pub(super) fn shape(value: &Value) -> String {
    match value {
        Value::String(text) => format!("text of {}", text.chars().count()),
        Value::Array(items) => match items.first() {
            Some(first) => format!("[{} of {}]", items.len(), shape(first)),
            None => "[]".into(),
        },
        Value::Object(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\": {}", shape(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// Describes a token without showing any part of it.
pub(super) fn token_line(token: &Secret) -> String {
    let length = token.expose().len();
    match jsonwebtoken::decode_header(token.expose()) {
        Ok(header) => format!("a JWT ({:?}) of {length} characters", header.alg),
        Err(_) => format!("{length} characters"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shape_has_names_and_no_texts() {
        let body = json!({"token": "eyJ.secret", "user": {"id": 7, "tags": ["a", "b"]}, "none": null});
        let shape = shape(&body);
        assert_eq!(shape, r#"{"none": null, "token": text of 10, "user": {"id": 7, "tags": [2 of text of 1]}}"#);
    }
}
