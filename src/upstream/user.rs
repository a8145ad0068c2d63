//! The person, as the API describes them.

use axum::http::Method;
use serde_json::{Map, Value};

use super::{ApiAnswer, ApiCall, Tokens, Trouble, Upstream, failure, token};

impl Upstream {
    /// The person: from the answer to the log-in, else from an endpoint; from the token's claims when
    /// the contract names neither.
    pub(super) async fn user(&self, login: &ApiAnswer, tokens: &Tokens) -> Result<Value, Trouble> {
        let user = &self.contract.user;
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
            Some(Value::Object(fields)) => Ok(Value::Object(keep(fields, &user.keep))),
            Some(_) => Err(Trouble::Contract("the user is no JSON object".into())),
            None => Err(Trouble::Contract(format!("there is no user: {}", self.looked_at()))),
        }
    }

    async fn user_at(&self, path: &str, tokens: &Tokens) -> Result<Value, Trouble> {
        let answer = self.answer_to(ApiCall::new(Method::GET, path), Some(&tokens.access)).await?;
        if !answer.status.is_success() {
            return Err(Trouble::Contract(format!("GET {path} for the user: {}", failure::unexpected(&answer))));
        }
        answer.json().map_err(|cause| Trouble::Contract(format!("GET {path} for the user: {cause}")))
    }

    /// Where the user was looked for.
    fn looked_at(&self) -> String {
        let user = &self.contract.user;
        let answer = user.login.as_ref().map(|pointer| format!("the answer to the log-in has none at `{pointer}`"));
        let other = match (&user.path, &user.login) {
            (Some(path), _) => Some(format!("GET {path} answers none at `{}`", user.pointer)),
            (None, None) => Some(format!("the token has no claims at `{}`", user.pointer)),
            (None, Some(_)) => None,
        };
        answer.into_iter().chain(other).collect::<Vec<_>>().join(", and ")
    }
}

fn keep(fields: Map<String, Value>, names: &[String]) -> Map<String, Value> {
    if names.is_empty() {
        return fields;
    }
    fields.into_iter().filter(|(name, _)| names.contains(name)).collect()
}
