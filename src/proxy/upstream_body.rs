//! The body of an upstream's response, as it comes from the connection.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use http_body::{Body, Frame, SizeHint};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::PollSender;

use super::{
    error::ProxyError,
    http1::{Connection, Error},
    http2::Stream,
    pool_return::PoolReturn,
};

/// How long the rest of an upload may still flow after its response before the connection
/// is given up.
const LINGER: Duration = Duration::from_secs(30);

/// The body of a response on its way from the upstream.
pub(super) enum UpstreamBody {
    /// Read by anyone who wants it.
    Http1(Box<Connection>),
    /// Read by a task, which sends the rest of the request meanwhile.
    EarlyResponse(EarlyResponse),
    Http2(Http2),
    /// Read whole before.
    Whole(Bytes),
}

/// A response over HTTP/2.
pub(super) struct Http2 {
    pub(super) body: hyper::body::Incoming,
    /// The stream that it takes.
    pub(super) _stream: Box<Stream>,
}

/// A response that has begun before its request was sent.
pub(super) struct EarlyResponse {
    frames: mpsc::Receiver<Result<Frame<Bytes>, Error>>,
    /// How much is still to come, when that is known.
    left: SizeHint,
}

impl UpstreamBody {
    /// Makes sure that the rest of the request is sent, however slowly the response is read.
    pub(super) fn with_rest_of_request(self, pool_return: &PoolReturn) -> Self {
        match self {
            Self::Http1(connection) if !connection.is_sent() => {
                let (sender, frames) = mpsc::channel(1);
                let left = connection.size_hint();
                tokio::spawn(carry(connection, sender, pool_return.for_connection()));
                Self::EarlyResponse(EarlyResponse { frames, left })
            }
            other => other,
        }
    }

    /// Gives the connection back once the body has ended.
    pub(super) fn finish(self, pool_return: &PoolReturn) {
        if let Self::Http1(connection) = self {
            pool_return.give_back(connection);
        }
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// When it breaks off, or has more than `call_limit` bytes.
    pub(super) async fn whole(&mut self, limit: usize) -> Result<Bytes, ProxyError> {
        let mut whole = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| self.poll_frame(cx)).await {
            let Ok(data) = frame?.into_data() else { continue };
            if whole.len() + data.len() > limit {
                return Err(ProxyError::TokenResponse("is too large"));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ProxyError>>> {
        match self {
            Self::Whole(body) if body.is_empty() => Poll::Ready(None),
            Self::Whole(body) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(body))))),
            Self::Http1(connection) => connection.poll_frame(cx).map(|it| it.map(|it| it.map_err(ProxyError::from))),
            Self::EarlyResponse(early) => early.poll_frame(cx).map(|it| it.map(|it| it.map_err(ProxyError::from))),
            Self::Http2(Http2 { body, .. }) => match Pin::new(&mut *body).poll_frame(cx) {
                // To hyper a stream that was reset with `NO_ERROR` (RFC 9113 §7) has ended.
                Poll::Ready(None) if !body.is_end_stream() => Poll::Ready(Some(Err(ProxyError::BrokenOff))),
                polled => polled.map(|it| it.map(|it| it.map_err(ProxyError::exchange))),
            },
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_end_stream(),
            Self::EarlyResponse(early) => early.left.exact() == Some(0),
            Self::Http2(Http2 { body, .. }) => body.is_end_stream(),
            Self::Whole(body) => body.is_empty(),
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(connection) => connection.size_hint(),
            Self::EarlyResponse(early) => early.left,
            Self::Http2(Http2 { body, .. }) => body.size_hint(),
            Self::Whole(body) => SizeHint::with_exact(body.len() as u64),
        }
    }
}

impl EarlyResponse {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = self.frames.poll_recv(cx);
        let Some(left) = self.left.exact() else { return polled };
        match polled {
            Poll::Ready(None) if left > 0 => Poll::Ready(Some(Err(Error::BrokenOff))),
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.left = SizeHint::with_exact(left.saturating_sub(length));
                Poll::Ready(Some(Ok(frame)))
            }
            other => other,
        }
    }
}

/// Carries both directions to their ends, and keeps the connection then. Nobody who wants the response any more ends
/// both.
async fn carry(
    mut connection: Box<Connection>,
    frames: mpsc::Sender<Result<Frame<Bytes>, Error>>,
    pool_return: PoolReturn,
) {
    let wanted = {
        let mut sender = PollSender::new(frames.clone());
        let answer = poll_fn(|cx| poll_answer(&mut connection, &mut sender, cx));
        // The response first: one that has just ended was wanted.
        match select(answer, pin!(frames.closed())).await {
            Either::Left((wanted, _)) => wanted,
            Either::Right(_) => Ok(false),
        }
    };
    match wanted {
        Ok(true) => drop(frames),
        Ok(false) => return,
        Err(broken) => {
            drop((connection, pool_return));
            let _ = frames.send(Err(broken)).await;
            return;
        }
    }
    // A client that waited for a 100 and was answered otherwise sends nothing more.
    if connection.is_held() {
        return;
    }
    let sent = timeout(LINGER, poll_fn(|cx| connection.poll_sent(cx))).await;
    if let Ok(Ok(())) = sent {
        pool_return.give_back(connection);
    }
}

/// Sends the rest of the request and hands the response on, to its end. Tells whether it was wanted up to there.
///
/// # Errors
/// When the client breaks the request off: it gets no whole response either.
fn poll_answer(
    connection: &mut Connection,
    frames: &mut PollSender<Result<Frame<Bytes>, Error>>,
    cx: &mut Context<'_>,
) -> Poll<Result<bool, Error>> {
    if let Poll::Ready(sent) = connection.poll_sent(cx) {
        sent?;
    }
    loop {
        if connection.is_end_stream() {
            return Poll::Ready(Ok(true));
        }
        match frames.poll_reserve(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => return Poll::Ready(Ok(false)),
            Poll::Ready(Ok(())) => {}
        }
        match connection.poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Ok(true)),
            Poll::Ready(Some(frame)) => {
                let broken = frame.is_err();
                if frames.send_item(frame).is_err() || broken {
                    return Poll::Ready(Ok(false));
                }
            }
        }
    }
}
