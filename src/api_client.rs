//! Speaks the contract with the API: login, refresh, logout, signup, and calls for pages.

mod api_error;
mod contract_request;
mod diagnose;
mod expiry;
mod jwks;
mod request_error;
mod rotated_tokens;
mod token;
mod transport;
mod user;
mod verifier;

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use bytes::Bytes;
use reqwest::Client;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

pub use self::api_error::ApiError;
pub use self::diagnose::{Fault, Report, diagnose};
pub(crate) use self::rotated_tokens::RotatedTokenLocations;
pub use self::token::Tokens;
pub(crate) use self::token::{claims, has_access_token};
pub use self::transport::ClientError;
use self::{contract_request::ContractRequest, request_error::RequestError, user::Described, verifier::Verifier};
use crate::{
    background::Background,
    config::ApiConfig,
    contract::{self, Contract},
    secret::Secret,
};

/// The largest response that is read into memory, in bytes. Larger ones go through the proxy.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// The largest response to a login or refresh, in bytes.
const MAX_TOKENS: usize = 256 * 1024;
/// How much longer than a single call a login or a refresh may take that needs several, so that a single slow one
/// says by itself which it was.
const AFTER_CALL: Duration = Duration::from_millis(100);

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

/// The API's response, with any status.
#[derive(Clone, Debug)]
pub struct ApiResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
}

/// The response to a login: the tokens, and the user.
#[derive(Debug)]
pub(crate) struct LoginResult {
    pub(crate) tokens: Tokens,
    pub(crate) user: Value,
}

/// The response to a refresh.
#[derive(Debug)]
pub(crate) enum Refreshed {
    /// New tokens.
    Tokens(Tokens),
    /// The next refresh token, with an access token that cannot be used. The cause has been logged.
    OnlyRefresh(Secret),
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
pub(crate) struct ApiClient {
    client: Client,
    base: Url,
    contract: Contract,
    timeout: Duration,
    verifier: Option<Verifier>,
    rolled: Option<RotatedTokenLocations>,
    background: Background,
}

impl ApiClient {
    pub(crate) fn new(base: Url, config: &ApiConfig) -> Result<Self, ClientError> {
        let timeout = Duration::from_secs_f64(config.timeout);
        let contract = config.contract.clone();
        let rolled = RotatedTokenLocations::of(&contract.tokens);
        let background = Background::default();
        let verifier = contract.verify.as_ref().map(|verify| Verifier::new(verify, &base, &background));
        Ok(Self { client: transport::client(timeout)?, base, contract, timeout, verifier, rolled, background })
    }

    /// The same with a connection pool of its own.
    pub(crate) fn with_own_pool(&self) -> Self {
        let client = transport::client(self.timeout).unwrap_or_else(|_| self.client.clone());
        Self { client, ..self.clone() }
    }

    pub(crate) fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The work that continues after its request, on all threads.
    pub(crate) fn background(&self) -> &Background {
        &self.background
    }

    /// How long a login or a refresh takes at most, with all of its calls.
    pub(crate) fn longest_operation(&self) -> Duration {
        self.timeout + AFTER_CALL
    }

    /// Logs in with the user's credentials, from a device that calls itself `device`.
    pub(crate) async fn log_in(
        &self,
        email: &str,
        password: &Secret,
        device: Option<HeaderValue>,
        now: i64,
    ) -> Result<LoginResult, ApiError> {
        let logging_in = self.log_in_by_calls(email, password, device, now);
        timeout(self.longest_operation(), logging_in).await.unwrap_or_else(|_| Err(self.too_slow().into()))
    }

    async fn log_in_by_calls(
        &self,
        email: &str,
        password: &Secret,
        device: Option<HeaderValue>,
        now: i64,
    ) -> Result<LoginResult, ApiError> {
        let mut contract_request = ContractRequest::log_in(&self.contract.login, email, password);
        contract_request.headers.extend(device.map(|device| (header::USER_AGENT, device)));
        let answer = self.deliver(contract_request, None, MAX_TOKENS).await?;
        if !answer.status.is_success() {
            return Err(ApiError::of_login(&self.contract.login, &answer));
        }
        self.read_log_in(&self.contract.tokens, &self.contract.user, &answer, now).await
    }

    /// The tokens and the user of a login response.
    pub(crate) async fn read_log_in(
        &self,
        places: &contract::Tokens,
        user: &contract::User,
        answer: &ApiResponse,
        now: i64,
    ) -> Result<LoginResult, ApiError> {
        let tokens = self.tokens_at(places, answer, now).await?;
        let Described { user, left_out } = self.user(user, answer, &tokens).await?;
        if !left_out.is_empty() {
            tracing::warn!(fields = ?left_out, "left tokens out of the user: see `api.contract.user.keep`");
        }
        Ok(LoginResult { tokens, user })
    }

    /// Buys the next access token.
    pub(crate) async fn refresh(&self, refresh_token: &Secret, now: i64) -> Result<Refreshed, RefreshError> {
        let deadline = Instant::now() + self.longest_operation();
        let refresh = self.contract.refresh.as_ref().ok_or(RefreshError::Refused)?;
        let unavailable = |request_error: RequestError| {
            request_error.log();
            RefreshError::Unavailable
        };
        let contract_request = ContractRequest::refresh(refresh, refresh_token);
        let answer = self.deliver(contract_request, None, MAX_TOKENS).await.map_err(unavailable)?;
        if refresh.refused.contains(&answer.status.as_u16()) {
            return Err(RefreshError::Refused);
        }
        if !answer.status.is_success() {
            tracing::warn!(status = answer.status.as_u16(), "the API could not refresh a session");
            return Err(RefreshError::Unavailable);
        }
        let reading = timeout_at(deadline, self.tokens(&answer, now)).await;
        match reading.unwrap_or_else(|_| Err(self.too_slow())) {
            Ok(tokens) if refresh.rotates => Ok(Refreshed::Tokens(tokens)),
            Ok(tokens) => Ok(Refreshed::Tokens(Tokens { refresh: None, ..tokens })),
            // The former one is spent. Whatever is wrong with the access token, the next refresh needs this one.
            Err(request_error) => {
                let next = Tokens::read_refresh(&self.contract.tokens, &answer).filter(|_| refresh.rotates);
                let unavailable = unavailable(request_error);
                next.map(Refreshed::OnlyRefresh).ok_or(unavailable)
            }
        }
    }

    fn too_slow(&self) -> RequestError {
        let cause = format!("timeout: the calls took longer than `api.timeout` ({} s)", self.timeout.as_secs_f64());
        RequestError::Unreachable { cause, timeout: true }
    }

    /// Tells the API that the session is over, where the contract has a call for it. Best effort:
    /// the session ends here in any case.
    pub(crate) async fn revoke(&self, access_token: &Secret, refresh_token: Option<&Secret>) {
        let Some(logout) = &self.contract.logout else { return };
        match self.deliver(ContractRequest::log_out(logout, refresh_token), Some(access_token), MAX_TOKENS).await {
            Ok(answer) if !answer.status.is_success() && answer.status != StatusCode::UNAUTHORIZED => {
                tracing::warn!(status = answer.status.as_u16(), "the API did not revoke a session");
            }
            Ok(_) => {}
            Err(request_error) => request_error.log(),
        }
    }

    /// Signs a user up with `email`, `password`, `name` and whatever else is among `fields`; the
    /// answer's content is the API's own.
    pub(crate) async fn sign_up(&self, fields: Map<String, Value>) -> Result<(), ApiError> {
        let Some(sign_up) = &self.contract.sign_up else {
            return Err(ApiError::new(StatusCode::NOT_FOUND, "This service has no sign-up."));
        };
        let answer = self.deliver(ContractRequest::sign_up(sign_up, fields), None, MAX_ANSWER).await?;
        if answer.status.is_success() { Ok(()) } else { Err(ApiError::of_sign_up(sign_up, &answer)) }
    }

    /// Makes any call with the session's token; a response of any status is a response.
    pub(crate) async fn call(&self, call: ApiCall, token: Option<&Secret>) -> Result<ApiResponse, ApiError> {
        Ok(self.answer_to(call, token).await?)
    }

    async fn answer_to(&self, call: ApiCall, token: Option<&Secret>) -> Result<ApiResponse, RequestError> {
        let mut request = self.request(call.method, &call.path).headers(call.headers);
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(token) = token {
            request = request.headers(self.credential(token, HeaderMap::new())?);
        }
        transport::send(request, MAX_ANSWER).await
    }

    /// The tokens of a response, checked.
    async fn tokens(&self, answer: &ApiResponse, now: i64) -> Result<Tokens, RequestError> {
        self.tokens_at(&self.contract.tokens, answer, now).await
    }

    async fn tokens_at(
        &self,
        places: &contract::Tokens,
        answer: &ApiResponse,
        now: i64,
    ) -> Result<Tokens, RequestError> {
        let tokens = Tokens::read(places, answer, now).map_err(RequestError::Contract)?;
        if let Some(verifier) = &self.verifier {
            verifier.check(&tokens.access, now, &self.client).await?;
        }
        Ok(tokens)
    }

    async fn deliver(
        &self,
        contract_request: ContractRequest,
        token: Option<&Secret>,
        limit: usize,
    ) -> Result<ApiResponse, RequestError> {
        let request = self.request(contract_request.method.to_http(), &contract_request.path);
        let headers = match token {
            Some(token) => self.credential(token, contract_request.headers.clone())?,
            None => contract_request.headers.clone(),
        };
        transport::send(contract_request.fill(request.headers(headers)), limit).await
    }

    /// Adds the access token to headers that may hold a cookie already.
    fn credential(&self, token: &Secret, mut headers: HeaderMap) -> Result<HeaderMap, RequestError> {
        let before = headers.remove(header::COOKIE);
        let applied = self.contract.credential.apply(token, &mut headers);
        applied.map_err(|_| RequestError::Contract("the token does not fit into a header".into()))?;
        let cookies: Vec<_> = headers.remove(header::COOKIE).into_iter().chain(before).collect();
        if let Some(cookies) = contract_request::one_cookie_field(&cookies) {
            headers.insert(header::COOKIE, cookies);
        }
        Ok(headers)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path)).header(header::ACCEPT, "application/json")
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }
}
