//! Sends one call on a pooled connection if there is one, else on a new one. A call is sent again only when
//! the API cannot have noticed the first attempt, or does not mind.
//!
//! A pooled connection may be closed by the upstream at the moment it is used. So:
//! - A request of which nothing was written is sent on another connection, whatever its method.
//! - A request that was written and got no response is sent once more, on a new connection, if its method is
//!   idempotent (RFC 9110 §9.2.2) and its body is still available. Anything else fails.
//! - A request that is not idempotent goes only over connections with much of their lifetime left.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures_util::future::{Either, select};
use http::response::Parts;
use tokio::time::{Instant, timeout};

use super::{
    Shared,
    connect::connect,
    error::ProxyError,
    http1::Connection,
    http2::{Opened, Stream},
    pool::Pool,
    route::Route,
    tls::Tls,
    upload::{RequestBody, UploadState},
    upstream_body::{Http2, UpstreamBody},
    upstream_request::UpstreamRequest,
};
use crate::{config::proxy::Protocol, secret::Secret};

/// How long a client is made to wait for a 100 that does not come (RFC 9110 §10.1.1: an upstream may
/// never send one).
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many new connections may take nothing before a call fails.
const MAX_TRIES: usize = 3;

/// One call to one upstream.
#[derive(Clone, Copy)]
pub(super) struct Dispatch<'a> {
    pub(super) shared: &'a Shared,
    pub(super) route: &'a Route,
    pub(super) tls: Option<&'a Tls>,
    pub(super) pool: &'a Pool,
    pub(super) upstream_request: &'a UpstreamRequest,
    /// How far the request's body has come, when it is streamed.
    pub(super) upload_state: Option<&'a Arc<UploadState>>,
}

/// A response, whose body is still to come.
pub(super) struct UpstreamResponse {
    pub(super) head: Parts,
    pub(super) body: UpstreamBody,
}

/// How one attempt ended without a response.
enum SendError {
    /// Nothing was written: the body is as it was.
    Unsent(RequestBody),
    /// Something was.
    Sent(ProxyError),
}

impl<'a> Dispatch<'a> {
    /// Sends the call, with `streamed` as its body or that of the upstream request, and waits for the head of the response.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn send(
        self,
        token: Option<&'a Secret>,
        streamed: Option<RequestBody>,
    ) -> impl Future<Output = Result<UpstreamResponse, ProxyError>> + Send + use<'a> {
        let repeatable = self.upstream_request.is_idempotent() && streamed.is_none();
        let mut body = streamed.or_else(|| self.upstream_request.replayable()).unwrap_or(RequestBody::Empty);
        async move {
            while let Some(opened) = self.pooled(repeatable) {
                match self.attempt(opened, token, body).await {
                    Ok(answer) => return Ok(answer),
                    Err(SendError::Unsent(back)) => body = back,
                    Err(SendError::Sent(failure)) if repeatable && is_worth_repeating(&failure) => {
                        body = self.upstream_request.replayable().unwrap_or(RequestBody::Empty);
                        break;
                    }
                    Err(SendError::Sent(failure)) => return Err(failure),
                }
            }
            // Rare, and large in memory: boxed, so that all other calls do not carry it around.
            Box::pin(self.send_anew(token, body)).await
        }
    }

    /// Sends the call over a new connection, or the next HTTP/2 stream that is free.
    async fn send_anew(self, token: Option<&Secret>, mut body: RequestBody) -> Result<UpstreamResponse, ProxyError> {
        for _ in 0..MAX_TRIES {
            let opened = self.open().await?;
            match self.attempt(opened, token, body).await {
                Ok(answer) => return Ok(answer),
                Err(SendError::Unsent(back)) => body = back,
                Err(SendError::Sent(failure)) => return Err(failure),
            }
        }
        // New connections that take nothing: the upstream closes them at once.
        Err(ProxyError::Connect(std::io::ErrorKind::ConnectionReset.into()))
    }

    async fn open(self) -> Result<Opened, ProxyError> {
        let http2 = &self.pool.http2;
        let connecting = connect(self.route, self.tls);
        if self.route.protocol == Protocol::Http2 || http2.are_there() {
            return http2.take_or_open(Instant::now() + self.route.times.connect, connecting).await;
        }
        Ok(http2.opened(connecting.await?))
    }

    fn pooled(self, repeatable: bool) -> Option<Opened> {
        let http1 = || self.pool.take(!repeatable).map(Opened::Http1);
        self.pool.http2.take().map(|stream| Opened::Http2(Box::new(stream))).or_else(http1)
    }

    fn attempt(
        self,
        opened: Opened,
        token: Option<&Secret>,
        body: RequestBody,
    ) -> impl Future<Output = Result<UpstreamResponse, SendError>> + Send + use<'a> {
        match opened {
            Opened::Http1(connection) => Either::Left(self.over_http1(connection, token, body)),
            Opened::Http2(stream) => {
                let request = self.upstream_request.http2_request(self.shared, self.route, token, body);
                Either::Right(Box::pin(self.over_http2(stream, request)))
            }
        }
    }

    fn over_http1(
        self,
        mut connection: Box<Connection>,
        token: Option<&Secret>,
        body: RequestBody,
    ) -> impl Future<Output = Result<UpstreamResponse, SendError>> + Send + use<'a> {
        let (upstream_request, route) = (self.upstream_request, self.route);
        if let Err(failure) = upstream_request.write_head(self.shared, self.route, token, false, connection.head()) {
            return Either::Left(std::future::ready(Err(SendError::Sent(failure))));
        }
        connection.begin(upstream_request.method.clone(), body, upstream_request.framing());
        Either::Right(match self.upload_state {
            None => Either::Left(answer(connection, route.times.first_byte)),
            Some(upload_state) => Either::Right(Box::pin(answer_to_upload(connection, upload_state, route))),
        })
    }

    async fn over_http2(
        self,
        mut stream: Box<Stream>,
        request: Result<http::Request<RequestBody>, ProxyError>,
    ) -> Result<UpstreamResponse, SendError> {
        let sent = stream.sender().try_send_request(request.map_err(SendError::Sent)?);
        let times = &self.route.times;
        let sent = match self.upload_state {
            None => timeout(times.first_byte, sent).await.map_err(|_| ProxyError::FirstByteTimeout),
            Some(upload_state) => after_upload(sent, upload_state, self.route).await,
        };
        let response = sent.map_err(SendError::Sent)?.map_err(|mut error| match error.take_message() {
            Some(request) => {
                stream.retire();
                SendError::Unsent(request.into_body())
            }
            None => SendError::Sent(ProxyError::exchange(error.into_error())),
        })?;
        let (head, body) = response.into_parts();
        Ok(UpstreamResponse { head, body: UpstreamBody::Http2(Http2 { body, _stream: stream }) })
    }
}

/// Sends the request, and waits for the head of its response.
async fn answer(mut connection: Box<Connection>, limit: Duration) -> Result<UpstreamResponse, SendError> {
    let deadline = Instant::now() + limit;
    let head = poll_fn(|cx| match connection.poll_head(cx) {
        Poll::Pending if connection.timer.poll_expired(deadline, cx) => Poll::Ready(Err(ProxyError::FirstByteTimeout)),
        polled => polled.map(Ok),
    });
    let head = head.await;
    settle(head.map_err(SendError::Sent)?, connection)
}

async fn answer_to_upload(
    mut connection: Box<Connection>,
    upload_state: &UploadState,
    route: &Route,
) -> Result<UpstreamResponse, SendError> {
    let head = after_upload(poll_fn(|cx| connection.poll_head(cx)), upload_state, route).await;
    settle(head.map_err(SendError::Sent)?, connection)
}

/// The result of a request, by what the connection did with it.
fn settle(
    head: Result<Parts, super::http1::Error>,
    mut connection: Box<Connection>,
) -> Result<UpstreamResponse, SendError> {
    match head {
        Ok(head) => Ok(UpstreamResponse { head, body: UpstreamBody::Http1(connection) }),
        // A body that failed has lost something of itself, and cannot be sent elsewhere.
        Err(error) => Err(match connection.take_unsent().filter(|_| error.is_lost()) {
            Some(body) => SendError::Unsent(body),
            None => SendError::Sent(ProxyError::from(error)),
        }),
    }
}

/// Waits for a response while the request's body is on its way: the time for the first byte counts
/// from its end, and until then it may neither stand still nor come more slowly than the least rate.
async fn after_upload<F: Future>(sent: F, upload_state: &UploadState, route: &Route) -> Result<F::Output, ProxyError> {
    let (mut sent, times) = (pin!(sent), &route.times);
    if upload_state.is_held() {
        if let Ok(sent) = timeout(CONTINUE_TIMEOUT, &mut sent).await {
            return Ok(sent);
        }
        upload_state.open();
    }
    loop {
        let bytes = upload_state.bytes();
        let finished = pin!(upload_state.finished());
        match timeout(times.idle, select(&mut sent, finished)).await {
            Ok(Either::Left((sent, _))) => return Ok(sent),
            Ok(Either::Right(_)) => break,
            Err(_) => check_progress(upload_state, upload_state.bytes() - bytes, route)?,
        }
    }
    timeout(times.first_byte, sent).await.map_err(|_| ProxyError::FirstByteTimeout)
}

/// Whether `bytes` within the idle time-out are enough for an upload to go on. An upstream may take it as slowly as it
/// likes, as long as it takes anything.
fn check_progress(upload_state: &UploadState, bytes: u64, route: &Route) -> Result<(), ProxyError> {
    let waits_for_client = upload_state.waits_for_client();
    match bytes {
        0 if waits_for_client => Err(ProxyError::ClientStalled),
        0 => Err(ProxyError::UploadStalled),
        _ if waits_for_client && is_too_slow(bytes, route) => Err(ProxyError::ClientSlow),
        _ => Ok(()),
    }
}

fn is_too_slow(bytes: u64, route: &Route) -> bool {
    let least = u128::from(route.min_upload_rate) * route.times.idle.as_millis() / 1_000;
    u128::from(bytes) < least
}

/// A connection that ended may be replaced; a response that is not HTTP stays what it is.
fn is_worth_repeating(failure: &ProxyError) -> bool {
    match failure {
        ProxyError::Http1(error) => error.is_lost(),
        ProxyError::Dispatch(error) => !error.is_parse() && !error.is_user(),
        _ => false,
    }
}
