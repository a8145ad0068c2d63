//! One call on a connection: an unused one if there is one, a new one else; sent again only when
//! nobody can tell the difference.
//!
//! A pooled connection may be closed by the upstream in the very moment in which it is used. So:
//! - What was never written is sent on another connection, whatever it is.
//! - What was written and got no answer is sent once more, on a new connection, when its method is
//!   idempotent (RFC 9110 §9.2.2) and its body is still at hand. Anything else fails.
//! - What is not idempotent only goes over connections with much of their time left.

use std::{future::Future, sync::Arc, time::Duration};

use futures_util::{
    FutureExt, TryFutureExt,
    future::{Either, select},
};
use http::{
    Request, Response, StatusCode, Uri, header,
    uri::{Parts, PathAndQuery},
};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http2},
};
use tokio::time::timeout;

use super::{
    Shared,
    connect::{Connection, connect},
    draft::Draft,
    failure::Failure,
    pool::{Http1, Pool},
    route::{Route, Times},
    tls::Tls,
    upload::{Flow, RequestBody},
};
use crate::{alarm::Alarm, secret::Secret};

/// How long a client is made to wait for a 100 that does not come (RFC 9110 §10.1.1: an upstream may
/// never send one).
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

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

/// An answer, with the connection that it came by when that can be used again.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    pub(super) connection: Option<Http1>,
}

type Sent = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

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
            while let Some(connection) = self.pooled(repeatable) {
                // By itself: what stands within an awaited expression is kept for as long as that.
                let request = self.request(token, body)?;
                match self.attempt(connection, request).await {
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

    /// Sends the call over a new connection.
    async fn send_anew(self, token: Option<&Secret>, body: RequestBody) -> Result<Answer, Failure> {
        let connection = connect(self.route, self.tls).await?;
        if let Connection::Http2(sender) = &connection {
            self.pool.share(sender);
        }
        let request = self.request(token, body)?;
        self.attempt(connection, request).await.map_err(|lost| match lost {
            Lost::Sent(failure) => failure,
            // A new connection that takes nothing: the upstream closed it at once.
            Lost::Unsent(_) => Failure::Connect(std::io::ErrorKind::ConnectionReset.into()),
        })
    }

    fn request(self, token: Option<&Secret>, body: RequestBody) -> Result<Request<RequestBody>, Failure> {
        let mut request = self.draft.request(self.shared, self.route, token, body)?;
        if let Some(flow) = self.flow.filter(|flow| flow.is_held()) {
            let flow = Arc::clone(flow);
            hyper::ext::on_informational(&mut request, move |response| {
                if response.status() == StatusCode::CONTINUE {
                    flow.open();
                }
            });
        }
        Ok(request)
    }

    fn pooled(self, repeatable: bool) -> Option<Connection> {
        let http1 = || self.pool.take(!repeatable).map(Connection::Http1);
        self.pool.multiplexed().map(Connection::Http2).or_else(http1)
    }

    /// Sends the request at once; what is left to wait for is no larger than it has to be.
    fn attempt(
        self,
        connection: Connection,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Result<Answer, Lost>> + use<'a> {
        match connection {
            Connection::Http1(Http1 { mut sender, alarm }) => {
                let answer = self.answer(sender.try_send_request(request), alarm);
                Either::Left(answer.map(|(answered, alarm)| {
                    let response = answered?;
                    Ok(Answer { response, connection: Some(Http1 { sender, alarm }) })
                }))
            }
            Connection::Http2(sender) => {
                let answer = Box::pin(self.over_http2(sender, request));
                Either::Right(answer.map_ok(|response| Answer { response, connection: None }))
            }
        }
    }

    async fn over_http2(
        self,
        mut sender: http2::SendRequest<RequestBody>,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, Lost> {
        to_http2(&mut request, self.route).map_err(Lost::Sent)?;
        self.answer(sender.try_send_request(request), Alarm::default()).await.0
    }

    /// The alarm comes back for the connection's next call.
    fn answer<F>(
        self,
        sent: F,
        alarm: Alarm,
    ) -> impl Future<Output = (Result<Response<Incoming>, Lost>, Alarm)> + use<'a, F>
    where
        F: Future<Output = Sent> + 'a,
    {
        let times = &self.route.times;
        let sent = match self.flow {
            None => {
                let sent = alarm.within(times.first_byte, sent);
                Either::Left(sent.map(|(sent, alarm)| (sent.ok_or(Failure::FirstByteTimeout), alarm)))
            }
            Some(flow) => Either::Right(Box::pin(after_upload(sent, flow, times).map(|sent| (sent, alarm)))),
        };
        sent.map(|(sent, alarm)| (sent.map_err(Lost::Sent).and_then(settle), alarm))
    }
}

/// Waits for an answer while the request's body is on its way: the time for the first byte counts
/// from its end, and until then it may not stand still.
async fn after_upload<F: Future>(sent: F, flow: &Flow, times: &Times) -> Result<F::Output, Failure> {
    let mut sent = std::pin::pin!(sent);
    if flow.is_held() {
        if let Ok(sent) = timeout(CONTINUE_TIMEOUT, &mut sent).await {
            return Ok(sent);
        }
        flow.open();
    }
    loop {
        let bytes = flow.bytes();
        let finished = std::pin::pin!(flow.finished());
        match timeout(times.idle, select(&mut sent, finished)).await {
            Ok(Either::Left((sent, _))) => return Ok(sent),
            Ok(Either::Right(_)) => break,
            Err(_) if flow.bytes() > bytes => {}
            Err(_) if flow.waits_for_client() => return Err(Failure::ClientStalled),
            Err(_) => return Err(Failure::UploadStalled),
        }
    }
    timeout(times.first_byte, sent).await.map_err(|_| Failure::FirstByteTimeout)
}

/// What is left of a call that was sent, or was not.
fn settle(sent: Sent) -> Result<Response<Incoming>, Lost> {
    sent.map_err(|mut error| match error.take_message() {
        Some(request) => Lost::Unsent(request.into_body()),
        None => Lost::Sent(Failure::exchange(error.into_error())),
    })
}

/// A connection that ended may be replaced; an answer that is no HTTP stays what it is.
fn is_worth_repeating(failure: &Failure) -> bool {
    matches!(failure, Failure::Exchange(error) if !error.is_parse() && !error.is_user())
}

/// HTTP/2 has the host in `:authority` and no fields about the connection (RFC 9113 §8.2.2, §8.3.1).
fn to_http2(request: &mut Request<RequestBody>, route: &Route) -> Result<(), Failure> {
    let mut parts = Parts::default();
    parts.scheme = Some(route.scheme.clone());
    parts.authority = Some(route.authority.clone());
    parts.path_and_query = Some(request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| Failure::Path(error.into()))?;
    for name in [header::HOST, header::TRANSFER_ENCODING, header::CONNECTION] {
        request.headers_mut().remove(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn takes_the_http2_form() {
        let route = Route::default_one(
            &"http://api.internal:4000".parse().unwrap(),
            &crate::config::ProxyConfig::default(),
            &[],
        )
        .unwrap();
        let mut request = Request::new(RequestBody::Empty);
        *request.uri_mut() = Uri::from_static("/a?b");
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("api.internal:4000"));
        request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        to_http2(&mut request, &route).unwrap();
        assert_eq!(*request.uri(), "http://api.internal:4000/a?b");
        assert!(request.headers().is_empty());
    }
}
