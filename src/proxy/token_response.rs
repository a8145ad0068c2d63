//! A call whose response may hold tokens: it is sent like any other, and its response is read whole before any of it goes out.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body::Body as _;
use tokio::time::timeout;

use super::{
    Proxy, Target, call_limit::CallPermit, dispatch::UpstreamResponse, error::ProxyError, forward::ForwardContext,
    pool_return::PoolReturn, response, upstream_body::UpstreamBody, upstream_request::UpstreamRequest,
};
use crate::session::Session;

/// The largest body of such a call, in bytes: a form's fields.
const MAX_REQUEST: usize = 1 << 20;
/// The largest body of its response, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// A response that may hold tokens. It is for [`Proxy::respond_to_token_route`], which searches it like any other.
pub(crate) struct TokenResponse {
    call: ForwardContext,
    upstream_request: UpstreamRequest,
    permit: CallPermit,
    head: http::response::Parts,
    body: Bytes,
}

impl TokenResponse {
    pub(crate) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether the body can be looked into (RFC 9110 §8.4).
    pub(crate) fn is_encoded(&self) -> bool {
        let coding = self.head.headers.get(header::CONTENT_ENCODING);
        coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    }

    /// Puts a body without tokens in the place of the one that came. What described that one is no longer true.
    pub(crate) fn replace(&mut self, headers: HeaderMap, body: Bytes) {
        self.head.headers = headers;
        for name in ["etag", "content-md5", "digest", "content-digest", "repr-digest", "content-range"] {
            self.head.headers.remove(name);
        }
        self.head.headers.insert(header::CONTENT_LENGTH, body.len().into());
        self.body = body;
    }
}

impl Proxy {
    /// Sends a call and reads its response.
    ///
    /// # Errors
    /// The error response when there is none.
    pub(crate) async fn call_token_route(
        &self,
        session: Session,
        client: Option<SocketAddr>,
        target: Target,
        request: Request<Body>,
    ) -> Result<TokenResponse, Response> {
        let (mut parts, body) = request.into_parts();
        // The response is to be one that can be looked into, whole and as it is.
        for name in [header::EXPECT, header::RANGE, header::IF_RANGE, header::UPGRADE] {
            parts.headers.remove(name);
        }
        parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let upstream_request = UpstreamRequest::new(self.shared(), target.path_and_query, client, parts);
        let record = session.record();
        let call =
            ForwardContext { route: target.route, id: upstream_request.id.clone(), session, record, issues: true };
        let (id, upstream) = (call.id.clone(), self.route(&call).authority.clone());
        self.issue(call, upstream_request, client, body)
            .await
            .map_err(|failure| failure.respond(&id, upstream.as_str()))
    }

    async fn issue(
        &self,
        mut call: ForwardContext,
        mut upstream_request: UpstreamRequest,
        client: Option<SocketAddr>,
        body: Body,
    ) -> Result<TokenResponse, ProxyError> {
        let permit = self.enter(&call, &upstream_request, client)?;
        let times = self.route(&call).times;
        let limit = usize::try_from(self.route(&call).max_request_body).map_or(MAX_REQUEST, |it| it.min(MAX_REQUEST));
        if body.size_hint().lower() > limit as u64 {
            return Err(ProxyError::BodyTooLarge);
        }
        let whole = timeout(times.idle, to_bytes(body, limit)).await.map_err(|_| ProxyError::ClientStalled)?;
        upstream_request.body = Some(whole.map_err(ProxyError::RequestBody)?);
        let (_, _, answer, _) = self.exchange(&mut call, &mut upstream_request, Body::empty()).await?;
        let UpstreamResponse { head, body } = answer;
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(ProxyError::Switched);
        }
        let keep_alive = response::keep_alive(&head.headers);
        let pool_return = PoolReturn { proxy: Arc::clone(&self.0), route: call.route, keep_alive, upload_state: None };
        let mut body = body.with_rest_of_request(&pool_return);
        let whole = timeout(times.idle, body.whole(MAX_ANSWER)).await.map_err(|_| ProxyError::IdleTimeout)??;
        body.finish(&pool_return);
        Ok(TokenResponse { call, upstream_request, permit, head, body: whole })
    }

    /// Returns the response without its tokens, searched like any other: for the tokens of the session as
    /// it is now, too.
    pub(crate) async fn respond_to_token_route(&self, issued: TokenResponse) -> Response {
        let TokenResponse { mut call, upstream_request, permit, head, body } = issued;
        call.record = call.session.record();
        let answer = UpstreamResponse { head, body: UpstreamBody::Whole(body) };
        let answered = self.respond(&call, &upstream_request, answer, None, permit).await;
        answered.unwrap_or_else(|failure| failure.respond(&call.id, self.route(&call).authority.as_str()))
    }

    /// Answers that what came cannot be understood. The cause is for the log.
    pub(crate) fn withhold_issued(&self, issued: &TokenResponse, cause: &'static str) -> Response {
        ProxyError::TokenResponse(cause).respond(&issued.call.id, self.route(&issued.call).authority.as_str())
    }
}
