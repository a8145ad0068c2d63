//! Sends a call and reads its answer, up to a limit.

use std::time::Duration;

use bytes::BytesMut;
use reqwest::{Client, RequestBuilder, Response, redirect::Policy};
use serde_json::Value;

use super::{ApiAnswer, Trouble};

/// A client for typed calls. It follows no redirect: a password must not travel on to elsewhere.
pub(super) fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(Policy::none())
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        // Shorter than the 5 s after which Node servers close idle connections.
        .pool_idle_timeout(Duration::from_secs(4))
        .tcp_nodelay(true)
        .build()
}

/// Sends a request and reads the whole answer, of any status.
pub(super) async fn send(request: RequestBuilder, limit: usize) -> Result<ApiAnswer, Trouble> {
    let response = request.send().await.map_err(|error| Trouble::unreachable(&error))?;
    read(response, limit).await
}

async fn read(mut response: Response, limit: usize) -> Result<ApiAnswer, Trouble> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Trouble::unreachable(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(Trouble::Contract(format!("the API's answer is larger than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(ApiAnswer { status, headers, body: body.freeze() })
}

impl ApiAnswer {
    /// The body as JSON, or why it is none. The body itself is not quoted: it may hold a token.
    pub(super) fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| {
            if self.body.is_empty() {
                return format!("the API answered {} with an empty body", self.status);
            }
            let kind = self.content_type();
            let place = (error.line(), error.column());
            format!(
                "the API answered {} with {kind} that is no JSON (line {}, column {})",
                self.status, place.0, place.1
            )
        })
    }

    /// The `Content-Type`, for a person to read.
    pub(super) fn content_type(&self) -> &str {
        let value = self.headers.get(axum::http::header::CONTENT_TYPE);
        value.and_then(|value| value.to_str().ok()).unwrap_or("a body of no stated type")
    }
}
