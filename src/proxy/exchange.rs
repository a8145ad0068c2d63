//! One call on a connection: an unused one if there is one, a new one else; sent again only when
//! nobody can tell the difference.
//!
//! A pooled connection may be closed by the upstream in the very moment in which it is used. So:
//! - What was never written is sent on another connection, whatever it is.
//! - What was written and got no answer is sent once more, on a new connection, when its method is
//!   idempotent (RFC 9110 §9.2.2) and its body is still at hand. Anything else fails.
//! - What is not idempotent only goes over connections with much of their time left.

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
    draft::Draft,
    failure::Failure,
    http1::Connection,
    http2::{Opened, Stream},
    incoming::{Http2, Incoming},
    pool::Pool,
    route::Route,
    tls::Tls,
    upload::{Flow, RequestBody},
};
use crate::{config::proxy::Protocol, secret::Secret};

/// How long a client is made to wait for a 100 that does not come (RFC 9110 §10.1.1: an upstream may
/// never send one).
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many new connections may take nothing before a call fails.
const MAX_TRIES: usize = 3;

/// One call to one upstream.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) shared: &'a Shared,
    pub(super) route: &'a Route,
    pub(super) tls: Option<&'a Tls>,
    pub(super) pool: &'a Pool,
    pub(super) draft: &'a Draft,
    /// How far the request's body has come, when it is streamed.
    pub(super) flow: Option<&'a Arc<Flow>>,
}

/// An answer, whose body is still to come.
pub(super) struct Answer {
    pub(super) head: Parts,
    pub(super) body: Incoming,
}

/// How one attempt ended without an answer.
enum Lost {
    /// Nothing was written: the body is as it was.
    Unsent(RequestBody),
    /// Something was.
    Sent(Failure),
}

impl<'a> Exchange<'a> {
    /// Sends the call, with `streamed` as its body or that of the draft, and waits for the head of the answer.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn send(
        self,
        token: Option<&'a Secret>,
        streamed: Option<RequestBody>,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send + use<'a> {
        let repeatable = self.draft.is_idempotent() && streamed.is_none();
        let mut body = streamed.or_else(|| self.draft.replayable()).unwrap_or(RequestBody::Empty);
        async move {
            while let Some(opened) = self.pooled(repeatable) {
                match self.attempt(opened, token, body).await {
                    Ok(answer) => return Ok(answer),
                    Err(Lost::Unsent(back)) => body = back,
                    Err(Lost::Sent(failure)) if repeatable && is_worth_repeating(&failure) => {
                        body = self.draft.replayable().unwrap_or(RequestBody::Empty);
                        break;
                    }
                    Err(Lost::Sent(failure)) => return Err(failure),
                }
            }
            // Rare, and large in memory: boxed, so that all other calls do not carry it around.
            Box::pin(self.send_anew(token, body)).await
        }
    }

    /// Sends the call over a new connection, or the next HTTP/2 stream that is free.
    async fn send_anew(self, token: Option<&Secret>, mut body: RequestBody) -> Result<Answer, Failure> {
        for _ in 0..MAX_TRIES {
            let opened = self.open().await?;
            match self.attempt(opened, token, body).await {
                Ok(answer) => return Ok(answer),
                Err(Lost::Unsent(back)) => body = back,
                Err(Lost::Sent(failure)) => return Err(failure),
            }
        }
        // New connections that take nothing: the upstream closes them at once.
        Err(Failure::Connect(std::io::ErrorKind::ConnectionReset.into()))
    }

    async fn open(self) -> Result<Opened, Failure> {
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
    ) -> impl Future<Output = Result<Answer, Lost>> + Send + use<'a> {
        match opened {
            Opened::Http1(connection) => Either::Left(self.over_http1(connection, token, body)),
            Opened::Http2(stream) => {
                let request = self.draft.http2_request(self.shared, self.route, token, body);
                Either::Right(Box::pin(self.over_http2(stream, request)))
            }
        }
    }

    fn over_http1(
        self,
        mut connection: Box<Connection>,
        token: Option<&Secret>,
        body: RequestBody,
    ) -> impl Future<Output = Result<Answer, Lost>> + Send + use<'a> {
        let (draft, route) = (self.draft, self.route);
        if let Err(failure) = draft.write_head(self.shared, self.route, token, false, connection.head()) {
            return Either::Left(std::future::ready(Err(Lost::Sent(failure))));
        }
        connection.begin(draft.method.clone(), body, draft.framing());
        Either::Right(match self.flow {
            None => Either::Left(answer(connection, route.times.first_byte)),
            Some(flow) => Either::Right(Box::pin(answer_to_upload(connection, flow, route))),
        })
    }

    async fn over_http2(
        self,
        mut stream: Box<Stream>,
        request: Result<http::Request<RequestBody>, Failure>,
    ) -> Result<Answer, Lost> {
        let sent = stream.sender().try_send_request(request.map_err(Lost::Sent)?);
        let times = &self.route.times;
        let sent = match self.flow {
            None => timeout(times.first_byte, sent).await.map_err(|_| Failure::FirstByteTimeout),
            Some(flow) => after_upload(sent, flow, self.route).await,
        };
        let response = sent.map_err(Lost::Sent)?.map_err(|mut error| match error.take_message() {
            Some(request) => {
                stream.retire();
                Lost::Unsent(request.into_body())
            }
            None => Lost::Sent(Failure::exchange(error.into_error())),
        })?;
        let (head, body) = response.into_parts();
        Ok(Answer { head, body: Incoming::Http2(Http2 { body, _stream: stream }) })
    }
}

/// Sends the request, and waits for the head of its answer.
async fn answer(mut connection: Box<Connection>, limit: Duration) -> Result<Answer, Lost> {
    let deadline = Instant::now() + limit;
    let head = poll_fn(|cx| match connection.poll_head(cx) {
        Poll::Pending if connection.alarm.is_due(deadline, cx) => Poll::Ready(Err(Failure::FirstByteTimeout)),
        polled => polled.map(Ok),
    });
    let head = head.await;
    settle(head.map_err(Lost::Sent)?, connection)
}

async fn answer_to_upload(mut connection: Box<Connection>, flow: &Flow, route: &Route) -> Result<Answer, Lost> {
    let head = after_upload(poll_fn(|cx| connection.poll_head(cx)), flow, route).await;
    settle(head.map_err(Lost::Sent)?, connection)
}

/// What became of a request.
fn settle(head: Result<Parts, super::http1::Error>, mut connection: Box<Connection>) -> Result<Answer, Lost> {
    match head {
        Ok(head) => Ok(Answer { head, body: Incoming::Http1(connection) }),
        // A body that failed has lost something of itself, and cannot be sent elsewhere.
        Err(error) => Err(match connection.take_unsent().filter(|_| error.is_lost()) {
            Some(body) => Lost::Unsent(body),
            None => Lost::Sent(Failure::from(error)),
        }),
    }
}

/// Waits for an answer while the request's body is on its way: the time for the first byte counts
/// from its end, and until then it may neither stand still nor come more slowly than the least rate.
async fn after_upload<F: Future>(sent: F, flow: &Flow, route: &Route) -> Result<F::Output, Failure> {
    let (mut sent, times) = (pin!(sent), &route.times);
    if flow.is_held() {
        if let Ok(sent) = timeout(CONTINUE_TIMEOUT, &mut sent).await {
            return Ok(sent);
        }
        flow.open();
    }
    loop {
        let bytes = flow.bytes();
        let finished = pin!(flow.finished());
        match timeout(times.idle, select(&mut sent, finished)).await {
            Ok(Either::Left((sent, _))) => return Ok(sent),
            Ok(Either::Right(_)) => break,
            Err(_) => check_progress(flow, flow.bytes() - bytes, route)?,
        }
    }
    timeout(times.first_byte, sent).await.map_err(|_| Failure::FirstByteTimeout)
}

/// Whether `bytes` within the idle time-out are enough for an upload to go on. An upstream may take it as slowly as it
/// likes, as long as it takes anything.
fn check_progress(flow: &Flow, bytes: u64, route: &Route) -> Result<(), Failure> {
    let waits_for_client = flow.waits_for_client();
    match bytes {
        0 if waits_for_client => Err(Failure::ClientStalled),
        0 => Err(Failure::UploadStalled),
        _ if waits_for_client && is_too_slow(bytes, route) => Err(Failure::ClientSlow),
        _ => Ok(()),
    }
}

fn is_too_slow(bytes: u64, route: &Route) -> bool {
    let least = u128::from(route.min_upload_rate) * route.times.idle.as_millis() / 1_000;
    u128::from(bytes) < least
}

/// A connection that ended may be replaced; an answer that is no HTTP stays what it is.
fn is_worth_repeating(failure: &Failure) -> bool {
    match failure {
        Failure::Http1(error) => error.is_lost(),
        Failure::Exchange(error) => !error.is_parse() && !error.is_user(),
        _ => false,
    }
}
