//! WebSockets (RFC 6455): the handshake, after which the two connections are joined.
//!
//! The handshake goes up like any other call, with the session's credential; key, protocols and
//! extensions are between the two ends. Any response but 101 is passed on like any other.

use std::{future::poll_fn, sync::Arc};

use axum::{body::Body, response::Response};
use http::{HeaderValue, Method, StatusCode, header, response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{
    Proxy,
    call_limit::CallPermit,
    connect::connect_to_upgrade,
    dispatch::UpstreamResponse,
    error::ProxyError,
    forward::ForwardContext,
    hop_by_hop,
    http1::{Connection, Framing},
    inspector::Inspector,
    token_filter::{Finding, SessionTokens, Why},
    tunnel::{self, CloseTriggers},
    upgrade_header::mark,
    upload::RequestBody,
    upstream_body::UpstreamBody,
    upstream_request::UpstreamRequest,
};

impl Proxy {
    /// Passes a handshake on, and joins the two connections when the upstream agrees.
    pub(super) async fn upgrade(
        &self,
        call: &mut ForwardContext,
        upstream_request: &UpstreamRequest,
        client: OnUpgrade,
        permit: CallPermit,
    ) -> Result<Response, ProxyError> {
        let (route, tls) = (self.route(call), self.shared().tls[call.route].as_ref());
        let watch = self.watch(call);
        let mut connection = connect_to_upgrade(route, tls).await?;
        upstream_request.write_head(self.shared(), route, self.token(call), true, connection.head())?;
        connection.begin(Method::GET, RequestBody::Empty, Framing::Length(0));
        let answered = timeout(route.times.first_byte, poll_fn(|cx| connection.poll_head(cx))).await;
        let mut head = answered.map_err(|_| ProxyError::FirstByteTimeout)??;
        if let Some(adopting) = self.settle(call, upstream_request, &mut head.headers) {
            adopting.await;
        }
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let joined = Joined { upstream: connection, client, watch, permit };
            return self.join(call, upstream_request, head, joined);
        }
        if head.status == StatusCode::UNAUTHORIZED && self.refresh(call).await? {
            return Err(ProxyError::Refreshed);
        }
        self.respond(
            call,
            upstream_request,
            UpstreamResponse { head, body: UpstreamBody::Http1(connection) },
            None,
            permit,
        )
        .await
    }

    /// The events that close the WebSocket: the end of the session or of the token with which it was opened. The session may have
    /// ended already, while the request waited for a new token: it is looked after from here on.
    fn watch(&self, call: &ForwardContext) -> CloseTriggers {
        let (shared, route) = (self.shared(), self.route(call));
        let record = call.record.as_ref().filter(|_| route.send_token);
        CloseTriggers {
            stopping: shared.stopping.subscribe(),
            session: record.map(|record| shared.ends.subscribe(record.id)),
            found: record.and_then(|_| call.session.resolved()),
            expires_at: record.and_then(|record| record.access_expires_at),
            clock: shared.clock.clone(),
            idle: route.times.stream_idle,
        }
    }

    fn join(
        &self,
        call: &ForwardContext,
        upstream_request: &UpstreamRequest,
        mut head: response::Parts,
        joined: Joined,
    ) -> Result<Response, ProxyError> {
        if !hop_by_hop::has_token(&head.headers, &header::UPGRADE, b"websocket") {
            return Err(ProxyError::Switched);
        }
        let known = self.finish_head(call, upstream_request.asked(), &mut head)?;
        let inspector = self.inspector(call, upstream_request, &head, known)?;
        mark(&mut head.headers);
        tokio::spawn(carry(joined, inspector, call.id.clone()));
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = head.status;
        *answer.headers_mut() = head.headers;
        Ok(answer)
    }

    /// The filter for the upstream's messages, where responses are searched.
    ///
    /// # Errors
    /// When the upstream takes an extension that it was not offered: its messages could not be read.
    fn inspector(
        &self,
        call: &ForwardContext,
        upstream_request: &UpstreamRequest,
        head: &response::Parts,
        known: SessionTokens,
    ) -> Result<Option<Box<Inspector>>, ProxyError> {
        let rules = &self.route(call).rules;
        if !rules.searches {
            return Ok(None);
        }
        let asked = upstream_request.asked();
        if head.headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
            let place = format!("the header {}", header::SEC_WEBSOCKET_EXTENSIONS);
            return Err(ProxyError::Withheld(Finding::new(rules, Why::Coding, place, asked.path())));
        }
        Ok(Some(Box::new(Inspector::new(Arc::clone(&self.0), call.route, asked.clone(), call.id.clone(), known))))
    }
}

/// The two halves of a WebSocket, and what it lasts with.
struct Joined {
    upstream: Box<Connection>,
    client: OnUpgrade,
    watch: CloseTriggers,
    permit: CallPermit,
}

/// Carries the WebSocket once both halves are there, for as long as it lasts.
async fn carry(joined: Joined, inspector: Option<Box<Inspector>>, id: HeaderValue) {
    let request_id = id.to_str().unwrap_or_default();
    let Joined { upstream, client, watch, permit } = joined;
    match client.await {
        Ok(client) => {
            let over = tunnel::run(TokioIo::new(client), upstream, watch, inspector).await;
            tracing::debug!(request_id, ?over, "a WebSocket has ended");
        }
        Err(error) => tracing::warn!(request_id, %error, "a WebSocket was not opened"),
    }
    drop(permit);
}
