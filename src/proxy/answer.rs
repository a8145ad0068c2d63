//! The body of an answer on its way to the client.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{BoxError, body::Body as AxumBody};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};

use super::{
    failure::{Failure, causes},
    guard::{Guard, Leak},
    idle::IdleTimer,
    incoming::Incoming,
    lease::Lease,
    limit::Permit,
};

/// Up to this length, in bytes, an answer with a known length is read whole before its head goes
/// out, so that a token in it is answered 502.
const MAX_AHEAD: u64 = 64 << 10;

/// The body of an answer as it comes from the upstream, guarded.
pub(super) struct AnswerBody {
    /// What was read before the head went out, and is checked.
    ahead: Bytes,
    incoming: Option<Incoming>,
    /// What was checked together with the part before it.
    next: Bytes,
    /// Boxed, as few answers have any.
    trailers: Option<Box<HeaderMap>>,
    guard: Option<Guard>,
    idle: Option<IdleTimer>,
    lease: Option<Lease>,
    permit: Option<Permit>,
    id: HeaderValue,
    /// Why the body ends here, when that is still to be told.
    broken: Option<Box<Broken>>,
}

/// What an answer's body needs besides the body.
pub(super) struct Handling {
    /// Searches the body, when it is to be searched.
    pub(super) guard: Option<Guard>,
    /// How long it may stand still.
    pub(super) idle: Option<Duration>,
    pub(super) lease: Lease,
    pub(super) permit: Permit,
    pub(super) id: HeaderValue,
}

/// Makes the answer's body: in memory when it is short and there already, streamed otherwise.
///
/// # Errors
/// When the beginning of it holds a token, or a short one does not come.
pub(super) fn body(incoming: Incoming, handling: Handling) -> impl Future<Output = Result<AxumBody, Failure>> + Send {
    let Handling { guard, idle, lease, permit, id } = handling;
    let idle = idle.map(IdleTimer::new);
    let mut lease = Some(lease);
    let incoming = incoming.with_rest_of_request(&mut lease);
    let mut body = AnswerBody {
        ahead: Bytes::new(),
        next: Bytes::new(),
        incoming: Some(incoming),
        trailers: None,
        guard,
        idle,
        lease,
        permit: Some(permit),
        id,
        broken: None,
    };
    // A block rather than an `async fn`, which would keep room for what it is given beside the body.
    async move {
        if body.ended() {
            return Ok(AxumBody::empty());
        }
        if body.guard.is_some() && body.size_hint().exact().is_some_and(|length| length <= MAX_AHEAD) {
            return body.whole().await.map(AxumBody::from);
        }
        body.begin().await?;
        if body.is_end_stream() {
            return Ok(AxumBody::from(body.ahead));
        }
        Ok(AxumBody::new(body))
    }
}

impl AnswerBody {
    /// Reads all of a short body.
    async fn whole(&mut self) -> Result<Bytes, Failure> {
        let length = self.size_hint().exact();
        let mut first = Bytes::new();
        let mut more = BytesMut::new();
        while let Some(frame) = std::future::poll_fn(|cx| self.poll_checked(cx)).await {
            let Ok(data) = frame.map_err(Broken::into_failure)?.into_data() else { continue };
            if first.is_empty() {
                first = data;
            } else {
                more.extend_from_slice(&data);
            }
        }
        if length.is_some_and(|length| length != (first.len() + more.len()) as u64) {
            return Err(Failure::BrokenOff);
        }
        if more.is_empty() {
            return Ok(first);
        }
        let mut all = BytesMut::with_capacity(first.len() + more.len());
        all.extend_from_slice(&first);
        all.extend_from_slice(&more);
        Ok(all.freeze())
    }

    /// Reads what is there without waiting: mostly the answer's first chunk came with its head.
    async fn begin(&mut self) -> Result<(), Failure> {
        let polled = std::future::poll_fn(|cx| Poll::Ready(self.poll_checked(cx))).await;
        match polled {
            Poll::Ready(Some(frame)) => match frame.map_err(Broken::into_failure)?.into_data() {
                Ok(data) => self.ahead = data,
                Err(frame) => self.trailers = frame.into_trailers().ok().map(Box::new),
            },
            Poll::Ready(None) | Poll::Pending => {}
        }
        Ok(())
    }

    /// Gives the connection back when the body has ended.
    fn ended(&mut self) -> bool {
        let ended = self.incoming.as_ref().is_none_or(Incoming::is_end_stream);
        if ended {
            self.finish();
        }
        ended
    }

    fn finish(&mut self) {
        self.idle = None;
        self.permit = None;
        if let (Some(incoming), Some(lease)) = (self.incoming.take(), self.lease.take()) {
            incoming.finish(&lease);
        }
    }

    fn poll_checked(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            if !self.next.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.next)))));
            }
            let Some(incoming) = &mut self.incoming else {
                return Poll::Ready(self.rest().map(Ok));
            };
            match incoming.poll_frame(cx) {
                Poll::Pending => {
                    let stalled = self.idle.as_mut().is_some_and(|idle| idle.poll_stalled(cx));
                    return if stalled { Poll::Ready(Some(Err(Broken::Stalled))) } else { Poll::Pending };
                }
                Poll::Ready(None) => self.finish(),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(Broken::Upstream(error)))),
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(frame) = self.check(frame).transpose() {
                        return Poll::Ready(Some(frame));
                    }
                }
            }
        }
    }

    /// What may go out of a frame, if anything yet.
    fn check(&mut self, frame: Frame<Bytes>) -> Result<Option<Frame<Bytes>>, Broken> {
        if let Some(idle) = &mut self.idle {
            idle.touch();
        }
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => return self.keep_trailers(frame).map(|()| None),
        };
        let last = self.incoming.as_ref().is_none_or(Incoming::is_end_stream);
        let (before, data) = match &mut self.guard {
            Some(guard) => guard.check_chunk(data, last).map_err(Broken::Leak)?,
            None => (Bytes::new(), data),
        };
        if last {
            self.finish();
        }
        if before.is_empty() {
            return Ok((!data.is_empty()).then(|| Frame::data(data)));
        }
        self.next = data;
        Ok(Some(Frame::data(before)))
    }

    /// Trailers wait for what the guard still holds.
    fn keep_trailers(&mut self, frame: Frame<Bytes>) -> Result<(), Broken> {
        let Ok(trailers) = frame.into_trailers() else { return Ok(()) };
        if let Some(guard) = &self.guard {
            guard.check_headers(&trailers).map_err(Broken::Leak)?;
        }
        self.trailers = Some(Box::new(trailers));
        self.finish();
        Ok(())
    }

    /// What goes out after the upstream's last frame.
    fn rest(&mut self) -> Option<Frame<Bytes>> {
        let held = self.guard.as_mut().map(Guard::release).filter(|held| !held.is_empty());
        held.map(Frame::data).or_else(|| self.trailers.take().map(|trailers| Frame::trailers(*trailers)))
    }
}

/// Why an answer's body ends before its end.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Leak(Leak),
    #[error("the upstream's answer stopped half-way")]
    Stalled,
    #[error("the upstream's answer broke off")]
    Upstream(#[source] Failure),
}

impl Broken {
    fn into_failure(self) -> Failure {
        match self {
            Self::Leak(leak) => Failure::Leak(leak),
            Self::Stalled => Failure::IdleTimeout,
            Self::Upstream(failure) => failure,
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.ahead.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.ahead)))));
        }
        if let Some(broken) = self.broken.take() {
            return Poll::Ready(Some(Err(broken.into())));
        }
        match self.poll_checked(cx) {
            Poll::Ready(Some(Err(broken))) => {
                self.log(&broken);
                // Dropping what is left closes the upstream's connection.
                (self.incoming, self.lease, self.guard, self.trailers) = (None, None, None, None);
                self.broken = Some(Box::new(broken));
                // Later, as the server throws away then what it has not written yet: the head, and all before this.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            other => other.map_err(BoxError::from),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && self.nothing_more()
    }

    fn size_hint(&self) -> SizeHint {
        let Some(incoming) = &self.incoming else {
            return SizeHint::with_exact(self.here());
        };
        let here = self.here();
        incoming.size_hint().exact().map_or_else(SizeHint::default, |length| SizeHint::with_exact(length + here))
    }
}

impl AnswerBody {
    fn nothing_more(&self) -> bool {
        let ended = self.broken.is_none() && self.incoming.as_ref().is_none_or(Incoming::is_end_stream);
        ended && self.next.is_empty() && self.held_length() == 0 && self.trailers.is_none()
    }

    /// How many bytes are here already and have not gone out.
    fn here(&self) -> u64 {
        (self.ahead.len() + self.next.len() + self.held_length()) as u64
    }

    fn held_length(&self) -> usize {
        self.guard.as_ref().map_or(0, Guard::held)
    }

    fn log(&self, broken: &Broken) {
        let request_id = self.id.to_str().unwrap_or_default();
        match broken {
            Broken::Leak(_) => tracing::error!(request_id, error = %broken, "cut an answer"),
            Broken::Stalled | Broken::Upstream(_) => {
                let cause = causes(broken);
                tracing::warn!(request_id, error = %broken, cause, "an answer broke off");
            }
        }
    }
}
