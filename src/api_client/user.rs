//! The person, as the API describes them.

use axum::http::Method;
use serde_json::{Map, Value};

use super::{ApiCall, ApiClient, ApiResponse, RequestError, Tokens, api_error, token};
use crate::contract;

/// The person, without any token.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) user: Value,
    /// JSON pointers to what was left out, since it held a token.
    pub(super) left_out: Vec<String>,
}

impl ApiClient {
    /// The person: from the response to the login, else from an endpoint; from the token's claims when
    /// the contract names neither.
    pub(super) async fn user(
        &self,
        user: &contract::User,
        login: &ApiResponse,
        tokens: &Tokens,
    ) -> Result<Described, RequestError> {
        let in_answer = user.login.as_ref().and_then(|pointer| login.json().ok()?.pointer(pointer).cloned());
        let found = match (in_answer, &user.path) {
            (Some(found), _) => Some(found),
            (None, Some(path)) => self.user_at(path, tokens).await?.pointer(&user.pointer).cloned(),
            // Not in place of what the contract expects elsewhere: that would hide a wrong contract.
            (None, None) if user.login.is_none() => {
                token::claims(&tokens.access).and_then(|claims| claims.pointer(&user.pointer).cloned())
            }
            (None, None) => None,
        };
        match found {
            Some(Value::Object(fields)) => {
                let mut user = Value::Object(keep(fields, &user.keep));
                let secrets: Vec<_> = std::iter::once(&tokens.access).chain(&tokens.refresh).collect();
                let left_out = crate::user::strip(&mut user, &secrets, Some(&self.contract));
                Ok(Described { user, left_out })
            }
            Some(_) => Err(RequestError::Contract("the user is no JSON object".into())),
            None => Err(RequestError::Contract(format!("there is no user: {}", looked_at(user)))),
        }
    }

    async fn user_at(&self, path: &str, tokens: &Tokens) -> Result<Value, RequestError> {
        let answer = self.answer_to(ApiCall::new(Method::GET, path), Some(&tokens.access)).await?;
        if !answer.status.is_success() {
            return Err(RequestError::Contract(format!("GET {path} for the user: {}", api_error::unexpected(&answer))));
        }
        answer.json().map_err(|cause| RequestError::Contract(format!("GET {path} for the user: {cause}")))
    }
}

/// Where the user was looked for.
fn looked_at(user: &contract::User) -> String {
    let answer = user.login.as_ref().map(|pointer| format!("the answer to the log-in has none at `{pointer}`"));
    let other = match (&user.path, &user.login) {
        (Some(path), _) => Some(format!("GET {path} answers none at `{}`", user.pointer)),
        (None, None) => Some(format!("the token has no claims at `{}`", user.pointer)),
        (None, Some(_)) => None,
    };
    answer.into_iter().chain(other).collect::<Vec<_>>().join(", and ")
}

fn keep(fields: Map<String, Value>, names: &[String]) -> Map<String, Value> {
    if names.is_empty() {
        return fields;
    }
    fields.into_iter().filter(|(name, _)| names.contains(name)).collect()
}
