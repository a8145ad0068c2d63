//! WebSockets (RFC 6455): the handshake, after which the two connections are joined.
//!
//! The handshake goes up like any other call, with the session's credential; key, protocols and
//! extensions are between the two ends. Any answer but 101 goes down like any other answer.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header, request::Parts};
use http_body::Body as _;
use hyper::{body::Incoming, upgrade::OnUpgrade};
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
    limit::Permit,
    pool::Http1,
    tunnel::{self, Watch},
    upload::RequestBody,
};
use crate::alarm::Alarm;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");

/// Takes the client's half of a WebSocket, when a request asks for one (RFC 6455 §4.2.1). To be
/// called before the fields of the connection are removed.
pub(super) fn requested(parts: &mut Parts, body: &Body) -> Option<OnUpgrade> {
    let headers = &parts.headers;
    let asks = parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && body.is_end_stream()
        && headers.contains_key(header::UPGRADE)
        && hop::has_token(headers, &header::UPGRADE, b"websocket")
        && hop::has_token(headers, &header::CONNECTION, b"upgrade");
    if asks { parts.extensions.remove() } else { None }
}

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
        let mut request = draft.request(self.shared(), route, self.token(call), RequestBody::Empty)?;
        mark(request.headers_mut());
        let mut sender = connect_to_upgrade(route, tls).await?;
        let sent = timeout(route.times.first_byte, sender.send_request(request)).await;
        let response = sent.map_err(|_| Failure::FirstByteTimeout)?.map_err(Failure::exchange)?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.join(call, response, client, watch, permit);
        }
        if response.status() == StatusCode::UNAUTHORIZED && self.renew(call).await? {
            return Err(Failure::Renewed);
        }
        let connection = Some(Http1 { sender, alarm: Alarm::default() });
        self.respond(call, Answer { response, connection }, None, permit).await
    }

    /// What ends the WebSocket: the end of the session or of the token with which it was opened.
    fn watch(&self, call: &Call) -> Watch {
        let (shared, route) = (self.shared(), self.route(call));
        let record = call.record.as_ref().filter(|_| route.send_token);
        Watch {
            stopping: shared.stopping.subscribe(),
            session: record.map(|record| shared.ends.subscribe(record.id)),
            expires_at: record.and_then(|record| record.access_expires_at),
            clock: shared.clock.clone(),
            idle: route.times.stream_idle,
        }
    }

    fn join(
        &self,
        call: &Call,
        response: http::Response<Incoming>,
        client: OnUpgrade,
        watch: Watch,
        permit: Permit,
    ) -> Result<Response, Failure> {
        let (mut head, _) = response.into_parts();
        let upstream = head.extensions.remove::<OnUpgrade>().ok_or(Failure::Switched)?;
        if !hop::has_token(&head.headers, &header::UPGRADE, b"websocket") {
            return Err(Failure::Switched);
        }
        self.finish_head(call, &mut head)?;
        mark(&mut head.headers);
        tokio::spawn(carry(client, upstream, watch, permit, call.id.clone()));
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = head.status;
        *answer.headers_mut() = head.headers;
        Ok(answer)
    }
}

/// Carries the WebSocket once both halves are there, for as long as it lasts.
async fn carry(client: OnUpgrade, upstream: OnUpgrade, watch: Watch, permit: Permit, id: HeaderValue) {
    let request_id = id.to_str().unwrap_or_default();
    match tokio::try_join!(client, upstream) {
        Ok((client, upstream)) => {
            let over = tunnel::run(TokioIo::new(client), TokioIo::new(upstream), watch).await;
            tracing::debug!(request_id, ?over, "a WebSocket has ended");
        }
        Err(error) => tracing::warn!(request_id, %error, "a WebSocket was not opened"),
    }
    drop(permit);
}

/// The fields of the connection that make a handshake (RFC 9110 §7.8).
fn mark(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, UPGRADE);
    headers.insert(header::UPGRADE, WEBSOCKET);
}
