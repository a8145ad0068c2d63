//! The error that a user sees when the API refuses or fails.

use std::collections::BTreeMap;

use axum::http::{StatusCode, header};
use serde_json::Value;

use super::{ApiResponse, RequestError};
use crate::contract::{Login, Signup};

/// The longest sentence of the API's that is passed on, in bytes.
const MAX_SENTENCE: usize = 500;
const WRONG_PASSWORD: &str = "E-mail or password is wrong. Check both and try again.";

/// A refused or failed call, in words for the user. The cause has been logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The status of the response to the user.
    pub status: StatusCode,
    /// One sentence, and what to do.
    pub message: String,
    /// Messages for single fields of a form.
    pub fields: BTreeMap<String, String>,
    /// After how many seconds it makes sense to try again, where that is known.
    pub retry_after: Option<u32>,
}

impl ApiError {
    /// A failure with a sentence for the user.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), fields: BTreeMap::new(), retry_after: None }
    }

    /// The API did not let the user in.
    pub(super) fn of_login(login: &Login, answer: &ApiResponse) -> Self {
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            let wait = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let told = "Too many attempts. Wait a minute and try again.";
            return Self { retry_after: wait, ..Self::new(answer.status, told) };
        }
        if !login.refused.contains(&answer.status.as_u16()) {
            return RequestError::Contract(unexpected(answer)).into();
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let told = login.message.as_ref().and_then(|pointer| sentence(&body, pointer));
        if told.is_none() && answer.status == StatusCode::UNPROCESSABLE_ENTITY {
            return Self { fields: fields(&body, "/errors"), ..Self::told(answer, &body, WRONG_PASSWORD) };
        }
        Self::new(answer.status, told.unwrap_or(WRONG_PASSWORD))
    }

    /// The API did not take the new person.
    pub(super) fn of_sign_up(sign_up: &Signup, answer: &ApiResponse) -> Self {
        if !answer.status.is_client_error() {
            return RequestError::Contract(unexpected(answer)).into();
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let otherwise = "These details were not accepted. Check them and try again.";
        let mut api_error = Self::told(answer, &body, otherwise);
        if let Some(told) = sign_up.message.as_ref().and_then(|pointer| sentence(&body, pointer)) {
            told.clone_into(&mut api_error.message);
        }
        api_error.fields =
            fields(&body, &sign_up.errors).into_iter().map(|(field, text)| (own_name(sign_up, field), text)).collect();
        api_error
    }

    /// The API's own words, in problem+json (RFC 9457) or as Feathers and `NestJS` have them.
    fn told(answer: &ApiResponse, body: &Value, otherwise: &str) -> Self {
        let told = ["/detail", "/message", "/title"].iter().find_map(|pointer| sentence(body, pointer));
        Self::new(answer.status, told.unwrap_or(otherwise))
    }
}

/// Explains an unexpected status to an operator.
pub(super) fn unexpected(answer: &ApiResponse) -> String {
    let elsewhere = answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    match elsewhere {
        // Its query could hold anything.
        Some(to) if answer.status.is_redirection() => {
            let to = to.split(['?', '#']).next().unwrap_or_default();
            format!("unexpected status {}, a redirect to {to}", answer.status)
        }
        _ => format!("unexpected status {}", answer.status),
    }
}

/// A sentence that can be shown.
pub(super) fn sentence<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    let text = body.pointer(pointer)?.as_str()?;
    (!text.trim().is_empty() && text.len() <= MAX_SENTENCE).then_some(text)
}

/// Field to text, from an object of texts or of lists of texts.
fn fields(body: &Value, pointer: &str) -> BTreeMap<String, String> {
    let Some(Value::Object(errors)) = body.pointer(pointer) else { return BTreeMap::new() };
    let text = |value: &Value| match value {
        Value::Array(texts) => texts.first().and_then(Value::as_str).map(str::to_owned),
        other => other.as_str().map(str::to_owned),
    };
    errors.iter().filter_map(|(field, value)| Some((field.clone(), text(value)?))).collect()
}

/// The app's name of a field of the API's.
fn own_name(sign_up: &Signup, field: String) -> String {
    let Signup { email_field, password_field, name_field, .. } = sign_up;
    for (theirs, ours) in [(email_field, "email"), (password_field, "password"), (name_field, "name")] {
        if field == *theirs {
            return ours.into();
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::contract::Contract;

    fn answer(status: u16, body: &Value) -> ApiResponse {
        let status = StatusCode::from_u16(status).unwrap();
        ApiResponse { status, headers: HeaderMap::new(), body: body.to_string().into() }
    }

    #[test]
    fn the_contract_says_what_is_a_refusal_and_where_its_words_are() {
        let contract = Contract::try_from(json!({
            "preset": "demo",
            "login": {"refused": [404, 418], "message": "/error/text"},
        }))
        .unwrap();
        let told = json!({"error": {"text": "No such account."}});
        let api_error = ApiError::of_login(&contract.login, &answer(404, &told));
        assert_eq!((api_error.status.as_u16(), api_error.message.as_str()), (404, "No such account."));
        assert_eq!(ApiError::of_login(&contract.login, &answer(418, &json!({}))).message, WRONG_PASSWORD);
        assert_eq!(ApiError::of_login(&contract.login, &answer(401, &told)).status, 502);
    }

    #[test]
    fn a_sign_up_names_the_apps_own_fields() {
        let contract = Contract::try_from(json!({
            "preset": "demo",
            "sign_up": {"email_field": "mail", "errors": "/fields", "message": "/oops"},
        }))
        .unwrap();
        let body = json!({"oops": "No.", "fields": {"mail": ["Taken.", "Ugly."], "name": "Enter it.", "n": 1}});
        let api_error = ApiError::of_sign_up(&contract.sign_up.unwrap(), &answer(422, &body));
        assert_eq!(api_error.message, "No.");
        assert_eq!(json!(api_error.fields), json!({"email": "Taken.", "name": "Enter it."}));
    }

    #[test]
    fn a_redirect_says_where_to_without_its_query() {
        let mut answer = answer(302, &json!(null));
        answer.headers.insert(header::LOCATION, "/sign-in?token=secret".parse().unwrap());
        assert_eq!(unexpected(&answer), "unexpected status 302 Found, a redirect to /sign-in");
    }
}
