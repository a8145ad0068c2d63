//! Speaks the contract with the API: log-in, refresh, log-out, sign-up, and calls for pages.

mod failure;
mod token;

use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode, header};
use bytes::{Bytes, BytesMut};
use reqwest::{Client, RequestBuilder, Response, redirect::Policy};
use serde_json::{Map, Value};
use url::Url;

pub use self::failure::Failure;
pub use self::token::Tokens;
use crate::{
    config::ApiConfig,
    contract::{Contract, Encoding},
    secret::Secret,
};

/// The largest answer that is read into memory, in bytes. What may be larger goes through the proxy.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// The largest answer to a log-in or refresh, in bytes.
const MAX_TOKENS: usize = 256 * 1024;

/// A call to the API for a page or a server function.
#[derive(Clone, Debug)]
pub struct ApiCall {
    /// The method.
    pub method: Method,
    /// Path and query, from the API's base URL: `/notes?q=tea`.
    pub path: String,
    /// Further headers; the credential is added by the call.
    pub headers: HeaderMap,
    /// A JSON body.
    pub body: Option<Value>,
}

impl ApiCall {
    /// A call without further headers and body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), body: None }
    }
}

/// What the API answered, with any status.
#[derive(Clone, Debug)]
pub struct ApiAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
}

/// The answer to a log-in: the tokens, and the person.
#[derive(Debug)]
pub(crate) struct LogIn {
    pub(crate) tokens: Tokens,
    pub(crate) user: Value,
}

/// Why there is no new access token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RefreshError {
    /// The API said no: the session is over.
    Refused,
    /// The API could not be asked, or failed: the session may go on.
    Unavailable,
}

/// A client for the API's typed calls.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    client: Client,
    base: Url,
    contract: Contract,
    timeout: Duration,
}

impl Upstream {
    pub(crate) fn new(base: Url, config: &ApiConfig) -> Result<Self, reqwest::Error> {
        let timeout = Duration::from_secs_f64(config.timeout);
        Ok(Self { client: client(timeout)?, base, contract: config.contract.clone(), timeout })
    }

    /// The same with a connection pool of its own.
    pub(crate) fn with_own_pool(&self) -> Self {
        let client = client(self.timeout).unwrap_or_else(|_| self.client.clone());
        Self { client, ..self.clone() }
    }

    pub(crate) fn contract(&self) -> &Contract {
        &self.contract
    }

    /// Logs in with the person's credentials.
    pub(crate) async fn log_in(&self, email: &str, password: &Secret, now: i64) -> Result<LogIn, Failure> {
        let login = &self.contract.login;
        let mut fields = login.fields.clone();
        fields.insert(login.email_field.clone(), email.into());
        fields.insert(login.password_field.clone(), password.expose().into());
        let answer = self.post(&login.path, login.encoding, fields, None, MAX_TOKENS).await?;
        if !answer.status.is_success() {
            return Err(Failure::of_login(&answer));
        }
        let body = json(&answer)?;
        let tokens = Tokens::read(&self.contract.tokens, &body, now).ok_or_else(|| {
            Failure::contract(&format!(
                "the answer to the log-in has no token at `{}`",
                self.contract.tokens.access_token
            ))
        })?;
        let user = self.user(&body, &tokens).await?;
        Ok(LogIn { tokens, user })
    }

    /// Buys the next access token.
    pub(crate) async fn refresh(&self, refresh_token: &Secret, now: i64) -> Result<Tokens, RefreshError> {
        let refresh = self.contract.refresh.as_ref().ok_or(RefreshError::Refused)?;
        let mut fields = refresh.fields.clone();
        fields.insert(refresh.field.clone(), refresh_token.expose().into());
        let answer = self
            .post(&refresh.path, refresh.encoding, fields, None, MAX_TOKENS)
            .await
            .map_err(|_| RefreshError::Unavailable)?;
        match answer.status {
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => Err(RefreshError::Refused),
            status if status.is_success() => {
                json(&answer).ok().and_then(|body| Tokens::read(&self.contract.tokens, &body, now)).ok_or_else(|| {
                    tracing::error!("the answer to the refresh has no token where the contract says");
                    RefreshError::Unavailable
                })
            }
            status => {
                tracing::warn!(status = status.as_u16(), "the API could not refresh a session");
                Err(RefreshError::Unavailable)
            }
        }
    }

    /// Tells the API that the session is over, where the contract has a call for it. Best effort:
    /// the session ends here in any case.
    pub(crate) async fn log_out(&self, access_token: &Secret) {
        let Some(logout) = &self.contract.logout else { return };
        let result = self.post(&logout.path, Encoding::Json, Map::new(), Some(access_token), MAX_TOKENS).await;
        match result {
            Ok(answer) if !answer.status.is_success() && answer.status != StatusCode::UNAUTHORIZED => {
                tracing::warn!(status = answer.status.as_u16(), "the API did not revoke a session");
            }
            // The cause of a failure has been logged where it was found.
            Ok(_) | Err(_) => {}
        }
    }

    /// Signs a person up; the answer's content is the API's own.
    pub(crate) async fn sign_up(&self, fields: Map<String, Value>) -> Result<(), Failure> {
        let Some(sign_up) = &self.contract.sign_up else {
            return Err(Failure::new(StatusCode::NOT_FOUND, "This service has no sign-up."));
        };
        let answer = self.post(&sign_up.path, Encoding::Json, fields, None, MAX_ANSWER).await?;
        if answer.status.is_success() { Ok(()) } else { Err(Failure::of_sign_up(&answer)) }
    }

    /// Makes any call with the session's token; an answer of any status is an answer.
    pub(crate) async fn call(&self, call: ApiCall, token: Option<&Secret>) -> Result<ApiAnswer, Failure> {
        let mut request = self.request(call.method, &call.path).headers(call.headers);
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        self.send(request, token, MAX_ANSWER).await
    }

    /// The person: from the answer to the log-in, else from an endpoint, else from the token's claims.
    async fn user(&self, login: &Value, tokens: &Tokens) -> Result<Value, Failure> {
        let user = &self.contract.user;
        let found = if let Some(found) = user.login.as_ref().and_then(|pointer| login.pointer(pointer)) {
            Some(found.clone())
        } else if let Some(path) = &user.path {
            let answer = self.call(ApiCall::new(Method::GET, path), Some(&tokens.access)).await?;
            Some(json(&answer)?)
        } else {
            token::claims(&tokens.access)
        };
        match found {
            Some(Value::Object(fields)) => Ok(Value::Object(keep(fields, &user.keep))),
            _ => Err(Failure::contract("neither the answer to the log-in nor the token describes the user")),
        }
    }

    async fn post(
        &self,
        path: &str,
        encoding: Encoding,
        fields: Map<String, Value>,
        token: Option<&Secret>,
        limit: usize,
    ) -> Result<ApiAnswer, Failure> {
        let request = self.request(Method::POST, path);
        let request = match encoding {
            Encoding::Json => request.json(&fields),
            Encoding::Form => request.form(&form(fields)),
        };
        self.send(request, token, limit).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        self.client.request(method, url).header(header::ACCEPT, "application/json")
    }

    async fn send(
        &self,
        mut request: RequestBuilder,
        token: Option<&Secret>,
        limit: usize,
    ) -> Result<ApiAnswer, Failure> {
        if let Some(token) = token {
            let mut headers = HeaderMap::new();
            self.contract
                .credential()
                .apply(token, &mut headers)
                .map_err(|_| Failure::contract("the token does not fit into a header"))?;
            request = request.headers(headers);
        }
        let response = request.send().await.map_err(|error| Failure::unreachable(&error))?;
        read(response, limit).await
    }
}

fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(Policy::none())
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        // Shorter than the 5 s after which Node servers close idle connections.
        .pool_idle_timeout(Duration::from_secs(4))
        .tcp_nodelay(true)
        .build()
}

async fn read(mut response: Response, limit: usize) -> Result<ApiAnswer, Failure> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::unreachable(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(Failure::contract(&format!("the API's answer is larger than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(ApiAnswer { status, headers, body: body.freeze() })
}

fn json(answer: &ApiAnswer) -> Result<Value, Failure> {
    serde_json::from_slice(&answer.body)
        .map_err(|error| Failure::contract(&format!("the API answered {} without JSON: {error}", answer.status)))
}

/// Form fields are text: numbers and truth values are written as JSON writes them.
fn form(fields: Map<String, Value>) -> Vec<(String, String)> {
    fields
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => (name, text),
            other => (name, other.to_string()),
        })
        .collect()
}

fn keep(fields: Map<String, Value>, names: &[String]) -> Map<String, Value> {
    if names.is_empty() {
        return fields;
    }
    fields.into_iter().filter(|(name, _)| names.contains(name)).collect()
}
