//! Sends a call and reads its response, up to a limit.

use std::{error::Error, sync::Arc, time::Duration};

use bytes::BytesMut;
use reqwest::{Client, RequestBuilder, Response, redirect::Policy};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use super::{ApiResponse, RequestError};

/// The HTTP client for the API cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct ClientError(String);

/// A client for typed calls. A password must not travel on to elsewhere: it follows no redirect, and
/// asks no proxy that a variable of the environment names.
pub(super) fn client(timeout: Duration) -> Result<Client, ClientError> {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .tls_backend_preconfigured(tls().map_err(|error| ClientError(with_causes(&error)))?)
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        // Shorter than the 5 s after which Node servers close idle connections.
        .pool_idle_timeout(Duration::from_secs(4))
        .tcp_nodelay(true)
        .build()
        .map_err(|error| ClientError(with_causes(&error)))
}

/// TLS with the system's certificate authorities.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    // ring is chosen here, whatever else in the program may use rustls.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// An error and its causes on one line.
fn with_causes(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", with_causes(cause)),
        None => error.to_string(),
    }
}

/// Sends a request and reads the whole response, of any status.
pub(super) async fn send(request: RequestBuilder, limit: usize) -> Result<ApiResponse, RequestError> {
    let response = request.send().await.map_err(|error| RequestError::unreachable(&error))?;
    read(response, limit).await
}

async fn read(mut response: Response, limit: usize) -> Result<ApiResponse, RequestError> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| RequestError::unreachable(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(RequestError::Contract(format!("the API's answer is larger than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(ApiResponse { status, headers, body: body.freeze() })
}

impl ApiResponse {
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

    /// The `Content-Type`, for a user to read.
    pub(super) fn content_type(&self) -> &str {
        let value = self.headers.get(axum::http::header::CONTENT_TYPE);
        value.and_then(|value| value.to_str().ok()).unwrap_or("a body of no stated type")
    }
}
