//! WebSockets (RFC 6455): the handshake, after which the two connections are joined.
//!
//! The handshake goes up like any other call, with the session's credential; key, protocols and
//! extensions are between the two ends. Any answer but 101 goes down like any other answer.

use std::{future::poll_fn, sync::Arc};

use axum::{body::Body, response::Response};
use http::{HeaderValue, Method, StatusCode, header, response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{
    Proxy,
    call::Call,
    connect::connect_to_upgrade,
    draft::Draft,
    exchange::Answer,
    failure::Failure,
    hop,
    http1::{Connection, Framing},
    incoming::Incoming,
    inspector::Inspector,
    limit::Permit,
    token_filter::{Finding, Known, Why},
    tunnel::{self, Watch},
    upgrade_header::mark,
    upload::RequestBody,
};

impl Proxy {
    /// Passes a handshake on, and joins the two connections when the upstream agrees.
    pub(super) async fn upgrade(
        &self,
        call: &mut Call,
        draft: &Draft,
        client: OnUpgrade,
        permit: Permit,
    ) -> Result<Response, Failure> {
        let (route, tls) = (self.route(call), self.shared().tls[call.route].as_ref());
        let watch = self.watch(call);
        let mut connection = connect_to_upgrade(route, tls).await?;
        draft.write_head(self.shared(), route, self.token(call), true, connection.head())?;
        connection.begin(Method::GET, RequestBody::Empty, Framing::Length(0));
        let answered = timeout(route.times.first_byte, poll_fn(|cx| connection.poll_head(cx))).await;
        let mut head = answered.map_err(|_| Failure::FirstByteTimeout)??;
        if let Some(adopting) = self.settle(call, draft, &mut head.headers) {
            adopting.await;
        }
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let joined = Joined { upstream: connection, client, watch, permit };
            return self.join(call, draft, head, joined);
        }
        if head.status == StatusCode::UNAUTHORIZED && self.refresh(call).await? {
            return Err(Failure::Renewed);
        }
        self.respond(call, draft, Answer { head, body: Incoming::Http1(connection) }, None, permit).await
    }

    /// What ends the WebSocket: the end of the session or of the token with which it was opened. The session may have
    /// ended already, while the request waited for a new token: it is looked after from here on.
    fn watch(&self, call: &Call) -> Watch {
        let (shared, route) = (self.shared(), self.route(call));
        let record = call.record.as_ref().filter(|_| route.send_token);
        Watch {
            stopping: shared.stopping.subscribe(),
            session: record.map(|record| shared.ends.subscribe(record.id)),
            found: record.and_then(|_| call.session.resolved()),
            expires_at: record.and_then(|record| record.access_expires_at),
            clock: shared.clock.clone(),
            idle: route.times.stream_idle,
        }
    }

    fn join(&self, call: &Call, draft: &Draft, mut head: response::Parts, joined: Joined) -> Result<Response, Failure> {
        if !hop::has_token(&head.headers, &header::UPGRADE, b"websocket") {
            return Err(Failure::Switched);
        }
        let known = self.finish_head(call, draft.asked(), &mut head)?;
        let inspector = self.inspector(call, draft, &head, known)?;
        mark(&mut head.headers);
        tokio::spawn(carry(joined, inspector, call.id.clone()));
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = head.status;
        *answer.headers_mut() = head.headers;
        Ok(answer)
    }

    /// What searches the messages of the upstream, where answers are searched.
    ///
    /// # Errors
    /// When the upstream takes an extension that it was not offered: its messages could not be read.
    fn inspector(
        &self,
        call: &Call,
        draft: &Draft,
        head: &response::Parts,
        known: Known,
    ) -> Result<Option<Box<Inspector>>, Failure> {
        let rules = &self.route(call).rules;
        if !rules.searches {
            return Ok(None);
        }
        let asked = draft.asked();
        if head.headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
            let place = format!("the header {}", header::SEC_WEBSOCKET_EXTENSIONS);
            return Err(Failure::Withheld(Finding::new(rules, Why::Coding, place, asked.path())));
        }
        Ok(Some(Box::new(Inspector::new(Arc::clone(&self.0), call.route, asked.clone(), call.id.clone(), known))))
    }
}

/// The two halves of a WebSocket, and what it lasts with.
struct Joined {
    upstream: Box<Connection>,
    client: OnUpgrade,
    watch: Watch,
    permit: Permit,
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
