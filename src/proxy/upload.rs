//! The body of a call on its way to the upstream.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::{BoxError, body::Body as AxumBody};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::HeaderName;
use http_body::{Body, Frame, SizeHint};

use super::request;

/// A request body.
#[derive(Debug)]
pub(super) enum RequestBody {
    /// Nothing.
    Empty,
    /// All of it, in memory: it can be sent again.
    Whole(Bytes),
    /// The client's body, streamed.
    Stream(Box<Upload>),
}

/// A streamed request body with its limit.
#[derive(Debug)]
pub(super) struct Upload {
    body: AxumBody,
    /// Bytes that were read and could not be sent.
    back: Bytes,
    /// How many more bytes it may have.
    left: u64,
    shared: Arc<UploadState>,
    rules: Rules,
}

/// The rules for an upload.
#[derive(Debug)]
pub(super) struct Rules {
    /// How long it may be, in bytes.
    pub(super) limit: u64,
    /// The header of the session's credential, when it is not a usual one: no trailer may be it.
    pub(super) credential: Option<HeaderName>,
}

/// The request body is larger than it may be.
#[derive(Debug, thiserror::Error)]
#[error("the request body is larger than the limit")]
pub(super) struct BodyTooLarge;

/// Nobody waits for the rest of the request body any more.
#[derive(Debug, thiserror::Error)]
#[error("the request body was given up")]
struct GivenUp;

/// How far an upload has come, seen from both of its ends.
pub(super) struct UploadState {
    state: AtomicU8,
    bytes: AtomicU64,
    /// The connection's task, which takes the body.
    waker: AtomicWaker,
    /// The waiter for the body's end.
    waiting: AtomicWaker,
}

/// Held until the upstream asks for it (`Expect: 100-continue`).
const HELD: u8 = 0;
/// The client has to send more.
const WAITING: u8 = 1;
/// The upstream has to take more.
const FLOWING: u8 = 2;
/// Everything was sent, or the upload was abandoned.
const FINISHED: u8 = 3;
/// To be broken off.
const GIVEN_UP: u8 = 4;

impl UploadState {
    /// A flow; `held` when the client waits for a 100 (RFC 9110 §10.1.1).
    pub(super) fn new(held: bool) -> Arc<Self> {
        let state = AtomicU8::new(if held { HELD } else { FLOWING });
        Arc::new(Self { state, bytes: AtomicU64::new(0), waker: AtomicWaker::new(), waiting: AtomicWaker::new() })
    }

    /// Lets a held body go.
    pub(super) fn open(&self) {
        if self.state.compare_exchange(HELD, FLOWING, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.waker.wake();
        }
    }

    /// Breaks off what has not been sent.
    pub(super) fn give_up(&self) {
        if self.state.swap(GIVEN_UP, Ordering::AcqRel) == FINISHED {
            self.state.store(FINISHED, Ordering::Release);
        } else {
            self.waker.wake();
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.state() == HELD
    }

    /// Waits until nothing more will be sent.
    pub(super) async fn finished(&self) {
        poll_fn(|cx| {
            self.waiting.register(cx.waker());
            if self.is_finished() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn is_finished(&self) -> bool {
        self.state() == FINISHED
    }

    pub(super) fn waits_for_client(&self) -> bool {
        self.state() == WAITING
    }

    /// How many bytes have been handed to the upstream's connection.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn state(&self) -> u8 {
        self.state.load(Ordering::Acquire)
    }

    /// Moves on, unless the other end has given up in between.
    fn advance(&self, state: u8) {
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| (now != GIVEN_UP).then_some(state));
        if state == FINISHED {
            self.waiting.wake();
        }
    }
}

impl RequestBody {
    /// A body that is streamed.
    pub(super) fn stream(body: AxumBody, rules: Rules, shared: Arc<UploadState>) -> Self {
        Self::Stream(Box::new(Upload { body, back: Bytes::new(), left: rules.limit, shared, rules }))
    }

    /// Puts back what was taken out of it last.
    pub(super) fn put_back(&mut self, data: Bytes) {
        match self {
            _ if data.is_empty() => {}
            Self::Stream(upload) => upload.back = data,
            Self::Empty | Self::Whole(_) => *self = Self::from(data),
        }
    }

    /// Whether it waits for the upstream to ask for it.
    pub(super) fn is_held(&self) -> bool {
        matches!(self, Self::Stream(upload) if upload.shared.is_held())
    }

    /// Lets a held body go.
    pub(super) fn open(&self) {
        if let Self::Stream(upload) = self {
            upload.shared.open();
        }
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Whole(bytes) }
    }
}

impl Upload {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.shared.waker.register(cx.waker());
        match self.shared.state() {
            HELD => return Poll::Pending,
            GIVEN_UP => return Poll::Ready(Some(Err(GivenUp.into()))),
            _ => {}
        }
        if !self.back.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.back)))));
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_pending() {
            self.shared.advance(WAITING);
        }
        Poll::Ready(match ready!(polled) {
            None => {
                self.shared.advance(FINISHED);
                None
            }
            Some(Err(error)) => Some(Err(error.into())),
            Some(Ok(frame)) => Some(self.count(frame)),
        })
    }

    fn count(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BoxError> {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.left = self.left.checked_sub(length).ok_or(BodyTooLarge)?;
        self.shared.bytes.fetch_add(length, Ordering::Relaxed);
        self.shared.advance(if self.body.is_end_stream() { FINISHED } else { FLOWING });
        Ok(match frame.into_trailers() {
            Ok(trailers) => Frame::trailers(request::copy_trailers(&trailers, self.rules.credential.as_ref())),
            Err(frame) => frame,
        })
    }
}

/// Notifies the waiter for the upload's end that it will not come.
impl Drop for Upload {
    fn drop(&mut self) {
        self.shared.state.store(FINISHED, Ordering::Release);
        self.shared.waiting.wake();
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Stream(upload) => upload.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(_) => false,
            Self::Stream(upload) => upload.back.is_empty() && upload.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(upload) => upload.body.size_hint(),
        }
    }
}

impl fmt::Debug for UploadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("state", &self.state).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn upload(text: &'static str, limit: u64, upload_state: &Arc<UploadState>) -> RequestBody {
        let rules = Rules { limit, credential: None };
        RequestBody::stream(AxumBody::from(text), rules, Arc::clone(upload_state))
    }

    #[tokio::test]
    async fn passes_up_to_the_limit_and_not_a_byte_more() {
        let upload_state = UploadState::new(false);
        assert_eq!(upload("12345", 5, &upload_state).collect().await.unwrap().to_bytes(), "12345");
        assert_eq!(upload_state.bytes(), 5);
        assert!(upload_state.is_finished());
        let error = upload("123456", 5, &upload_state).collect().await.unwrap_err();
        assert!(error.is::<BodyTooLarge>());
    }

    #[tokio::test]
    async fn gives_once_more_what_was_put_back() {
        let upload_state = UploadState::new(false);
        let mut body = upload("12345", 5, &upload_state);
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        body.put_back(first);
        assert!(!body.is_end_stream());
        assert_eq!(body.collect().await.unwrap().to_bytes(), "12345");
        assert_eq!(upload_state.bytes(), 5);
        let mut whole = RequestBody::Empty;
        whole.put_back(Bytes::from("1"));
        assert_eq!(whole.collect().await.unwrap().to_bytes(), "1");
    }

    #[tokio::test]
    async fn holds_the_body_until_it_is_asked_for() {
        let upload_state = UploadState::new(true);
        let reading = tokio::spawn(upload("12345", 5, &upload_state).collect());
        tokio::task::yield_now().await;
        assert!(upload_state.is_held() && upload_state.bytes() == 0);
        upload_state.open();
        upload_state.finished().await;
        assert_eq!(reading.await.unwrap().unwrap().to_bytes(), "12345");
    }

    #[tokio::test]
    async fn breaks_off_what_nobody_waits_for() {
        let upload_state = UploadState::new(true);
        let reading = tokio::spawn(upload("12345", 5, &upload_state).collect());
        tokio::task::yield_now().await;
        upload_state.give_up();
        assert!(reading.await.unwrap().unwrap_err().is::<GivenUp>());
        assert!(upload_state.is_finished());
        upload_state.open();
        assert!(upload_state.is_finished());
    }
}
