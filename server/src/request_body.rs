//! Request bodies as the connection delivers them.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use http::Version;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

/// Converts the body of a request of this HTTP version.
pub(crate) fn from_incoming(incoming: Incoming, version: Version) -> Body {
    if incoming.is_end_stream() {
        Body::empty()
    } else if version == Version::HTTP_2 {
        Body::new(Http2Body(incoming))
    } else {
        Body::new(incoming)
    }
}

/// The client cancelled its request before the body was complete.
#[derive(Debug, thiserror::Error)]
#[error("the client cancelled the request")]
struct Cancelled;

/// The body of an HTTP/2 stream. To hyper, a body that was reset with `CANCEL` or `NO_ERROR` (RFC 9113 §7) has ended, so
/// half an upload would look complete.
struct Http2Body(Incoming);

impl HttpBody for Http2Body {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.0).poll_frame(cx) {
            Poll::Ready(None) if !self.0.is_end_stream() => Poll::Ready(Some(Err(axum::Error::new(Cancelled)))),
            polled => polled.map_err(axum::Error::new),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use h2::{Reason, SendStream};
    use http::{HeaderMap, Request, Response};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::sync::mpsc;

    use super::*;

    /// What the server reads of a body that `send` completes.
    async fn read(send: impl FnOnce(&mut SendStream<Bytes>)) -> Result<Bytes, axum::Error> {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (sender, mut results) = mpsc::unbounded_channel();
        let service = service_fn(move |request: Request<Incoming>| {
            let sender = sender.clone();
            async move {
                let version = request.version();
                let body = from_incoming(request.into_body(), version);
                // In a task of its own: hyper drops the service future of a reset stream.
                let reading = tokio::spawn(async move { sender.send(axum::body::to_bytes(body, 100).await).unwrap() });
                reading.await.unwrap();
                Ok::<_, Infallible>(Response::new(Body::empty()))
            }
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        tokio::spawn(server.serve_connection(TokioIo::new(far), service));
        let (mut client, connection) = h2::client::handshake(near).await.unwrap();
        tokio::spawn(connection);
        let (_response, mut stream) = client.send_request(Request::post("http://x/").body(()).unwrap(), false).unwrap();
        stream.send_data(Bytes::from("half"), false).unwrap();
        // First the server reads what was sent so far.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        send(&mut stream);
        results.recv().await.unwrap()
    }

    #[tokio::test]
    async fn a_cancelled_body_is_an_error() {
        for reason in [Reason::CANCEL, Reason::NO_ERROR, Reason::INTERNAL_ERROR] {
            assert!(read(|stream| stream.send_reset(reason)).await.is_err(), "{reason}");
        }
    }

    #[tokio::test]
    async fn a_complete_body_may_end_in_any_way() {
        assert_eq!(read(|stream| stream.send_data(Bytes::from("+"), true).unwrap()).await.unwrap(), "half+");
        assert_eq!(read(|stream| stream.send_data(Bytes::new(), true).unwrap()).await.unwrap(), "half");
        assert_eq!(read(|stream| stream.send_trailers(HeaderMap::new()).unwrap()).await.unwrap(), "half");
    }
}
