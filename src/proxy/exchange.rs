//! One call on a connection: an unused one if there is one, a new one else; sent again only when
//! nobody can tell the difference.
//!
//! A pooled connection may be closed by the upstream in the very moment in which it is used. So:
//! - What was never written is sent on another connection, whatever it is.
//! - What was written and got no answer is sent once more, on a new connection, when its method is
//!   idempotent (RFC 9110 §9.2.2) and its body is still at hand. Anything else fails.
//! - What is not idempotent only goes over connections with much of their time left.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, Uri, header,
    uri::{Parts, PathAndQuery},
};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
};
use tokio::time::timeout;

use super::{
    connect::{Connection, connect},
    failure::Failure,
    pool::Pool,
    route::{Route, Times},
    tls::Tls,
    upload::{Flow, RequestBody},
};

/// How long a client is made to wait for a 100 that does not come (RFC 9110 §10.1.1: an upstream may
/// never send one).
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// One upstream as a call sees it.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) route: &'a Route,
    pub(super) tls: Option<&'a Tls>,
    pub(super) pool: &'a Pool,
    /// How far the request's body has come, when it is streamed.
    pub(super) flow: Option<&'a Arc<Flow>>,
}

/// An answer, with the connection that it came by when that can be used again.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    pub(super) sender: Option<http1::SendRequest<RequestBody>>,
    /// The request, when it was to be kept and its body could be.
    pub(super) copy: Option<Copy>,
}

type Sent = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// How one attempt ended without an answer.
#[expect(clippy::large_enum_variant, reason = "it lives for one match, and is rare: an allocation would cost more")]
enum Lost {
    /// Nothing was written.
    Unsent(Request<RequestBody>),
    /// Something was.
    Sent(Failure),
}

impl Exchange<'_> {
    /// Sends a request, in HTTP/1.1 form, and waits for the head of the answer. With `keep` the
    /// answer has a copy of the request, should it have to be made once more.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn send(self, mut request: Request<RequestBody>, keep: bool) -> Result<Answer, Failure> {
        let repeatable = is_idempotent(request.method()) && request.body().is_replayable();
        let mut copy = None;
        while let Some(connection) = self.pooled(repeatable) {
            if copy.is_none() && (repeatable || keep) {
                copy = Copy::of(&request);
            }
            match self.attempt(connection, request).await {
                Ok(answer) => return Ok(Answer { copy, ..answer }),
                Err(Lost::Unsent(back)) => request = back,
                Err(Lost::Sent(failure)) => match copy.take() {
                    Some(copy) if repeatable && is_worth_repeating(&failure) => {
                        request = copy.into_request();
                        break;
                    }
                    _ => return Err(failure),
                },
            }
        }
        // Rare, and large in memory: boxed, so that all other calls do not carry it around.
        Box::pin(self.send_anew(request, copy, keep)).await
    }

    /// Sends a request over a new connection.
    async fn send_anew(self, request: Request<RequestBody>, copy: Option<Copy>, keep: bool) -> Result<Answer, Failure> {
        let connection = connect(self.route, self.tls).await?;
        if let Connection::Http2(sender) = &connection {
            self.pool.share(sender);
        }
        let copy = if keep { copy.or_else(|| Copy::of(&request)) } else { None };
        match self.attempt(connection, request).await {
            Ok(answer) => Ok(Answer { copy, ..answer }),
            Err(Lost::Sent(failure)) => Err(failure),
            // A new connection that takes nothing: the upstream closed it at once.
            Err(Lost::Unsent(_)) => Err(Failure::Connect(std::io::ErrorKind::ConnectionReset.into())),
        }
    }

    fn pooled(self, repeatable: bool) -> Option<Connection> {
        let http1 = || self.pool.take(!repeatable).map(Connection::Http1);
        self.pool.multiplexed().map(Connection::Http2).or_else(http1)
    }

    async fn attempt(self, connection: Connection, request: Request<RequestBody>) -> Result<Answer, Lost> {
        match connection {
            Connection::Http1(mut sender) => {
                let sent = sender.try_send_request(request);
                let response = self.answer(sent).await?;
                Ok(Answer { response, sender: Some(sender), copy: None })
            }
            Connection::Http2(sender) => {
                let response = Box::pin(self.over_http2(sender, request)).await?;
                Ok(Answer { response, sender: None, copy: None })
            }
        }
    }

    async fn over_http2(
        self,
        mut sender: http2::SendRequest<RequestBody>,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, Lost> {
        let http1_form = to_http2(&mut request, self.route).map_err(Lost::Sent)?;
        self.answer(sender.try_send_request(request)).await.map_err(|lost| match lost {
            Lost::Unsent(mut back) => {
                http1_form.restore(&mut back);
                Lost::Unsent(back)
            }
            lost @ Lost::Sent(_) => lost,
        })
    }

    async fn answer(self, sent: impl Future<Output = Sent>) -> Result<Response<Incoming>, Lost> {
        let times = &self.route.times;
        let sent = match self.flow {
            None => timeout(times.first_byte, sent).await.map_err(|_| Failure::FirstByteTimeout),
            Some(flow) => Box::pin(after_upload(sent, flow, times)).await,
        };
        match sent {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(mut error)) => Err(match error.take_message() {
                Some(request) => Lost::Unsent(request),
                None => Lost::Sent(Failure::exchange(error.into_error())),
            }),
            Err(failure) => Err(Lost::Sent(failure)),
        }
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

/// RFC 9110 §9.2.2.
pub(super) fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

/// A connection that ended may be replaced; an answer that is no HTTP stays what it is.
fn is_worth_repeating(failure: &Failure) -> bool {
    matches!(failure, Failure::Exchange(error) if !error.is_parse() && !error.is_user())
}

/// All of a request that may have to be sent again.
pub(super) struct Copy {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Copy {
    pub(super) fn of(request: &Request<RequestBody>) -> Option<Self> {
        Some(Self {
            body: request.body().replayable()?,
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    pub(super) fn into_request(self) -> Request<RequestBody> {
        let mut request = Request::new(RequestBody::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

/// What HTTP/2 has in other places, for the way back to HTTP/1.1.
struct Http1Form {
    uri: Uri,
    host: Option<HeaderValue>,
    chunked: Option<HeaderValue>,
    connection: Option<HeaderValue>,
}

impl Http1Form {
    fn restore(self, request: &mut Request<RequestBody>) {
        *request.uri_mut() = self.uri;
        let headers = request.headers_mut();
        for (name, value) in [
            (header::HOST, self.host),
            (header::TRANSFER_ENCODING, self.chunked),
            (header::CONNECTION, self.connection),
        ] {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
    }
}

/// HTTP/2 has the host in `:authority` and no fields about the connection (RFC 9113 §8.2.2, §8.3.1).
fn to_http2(request: &mut Request<RequestBody>, route: &Route) -> Result<Http1Form, Failure> {
    let mut parts = Parts::default();
    parts.scheme = Some(route.scheme.clone());
    parts.authority = Some(route.authority.clone());
    parts.path_and_query = Some(request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
    let uri = Uri::from_parts(parts).map_err(|error| Failure::Path(error.into()))?;
    let uri = std::mem::replace(request.uri_mut(), uri);
    let headers = request.headers_mut();
    Ok(Http1Form {
        uri,
        host: headers.remove(header::HOST),
        chunked: headers.remove(header::TRANSFER_ENCODING),
        connection: headers.remove(header::CONNECTION),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_only_idempotent_methods() {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
            assert!(is_idempotent(&method.parse().unwrap()), "{method}");
        }
        for method in ["POST", "PATCH", "PROPFIND", "get"] {
            assert!(!is_idempotent(&method.parse().unwrap()), "{method}");
        }
    }

    #[test]
    fn takes_the_http2_form_and_back() {
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
        let before = (request.uri().clone(), request.headers().clone());
        let form = to_http2(&mut request, &route).unwrap();
        assert_eq!(*request.uri(), "http://api.internal:4000/a?b");
        assert!(request.headers().is_empty());
        form.restore(&mut request);
        assert_eq!((request.uri().clone(), request.headers().clone()), before);
    }
}
