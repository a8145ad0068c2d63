//! A connection to an upstream over HTTP/1.1 (RFC 9112), moved on by the call that uses it.
//!
//! It is no task of its own and has no channels: the call polls it, and what was read is handed on as it is. That, and
//! a head that is written from what the client sent, makes a call a fifth cheaper
//! (`docs/adr/0011-own-http1-connections-to-upstreams.md`).

mod body_decoder;
mod error;
mod field;
#[cfg(any(test, fuzzing))]
pub(crate) mod property;
mod request_encoder;
mod response_head;
mod stream;

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use http::{Method, StatusCode, response::Parts};
use http_body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::unconstrained,
};
use tokio_util::io::poll_read_buf;

use self::{body_decoder::BodyDecoder, request_encoder::RequestEncoder};
pub(super) use self::{error::Error, request_encoder::Framing, stream::Stream};
use super::upload::RequestBody;
use crate::deadline::DeadlineTimer;

/// How much is read at once, in bytes: at first, and at most once a body turns out to be long.
const MIN_STEP: usize = 8 << 10;
const MAX_STEP: usize = 64 << 10;

/// How many responses 1xx may come before the one that counts, but for 102.
const MAX_INTERIM: u8 = 32;

/// A connection that takes one call after the other.
pub(super) struct Connection {
    stream: Stream,
    /// Bytes that were read and not consumed yet.
    read: BytesMut,
    /// How much is read at once.
    step: usize,
    /// How much memory what was read has taken at most, in bytes.
    room: usize,
    outgoing: RequestEncoder,
    /// The method of the call that is under way.
    method: Method,
    body: BodyDecoder,
    keep_alive: bool,
    /// Why the rest of a request could not be written. There may be a response nevertheless.
    unwritten: Option<Error>,
    /// How much of what was read holds no end of a head.
    searched: usize,
    /// How many interim responses may still come before the response.
    interim: u8,
    /// Limits how long each call waits for its response.
    pub(super) timer: DeadlineTimer,
}

impl Connection {
    pub(super) fn new(stream: impl Into<Stream>) -> Self {
        Self {
            stream: stream.into(),
            read: BytesMut::new(),
            step: MIN_STEP,
            room: 0,
            outgoing: RequestEncoder::default(),
            method: Method::GET,
            body: BodyDecoder::Ended,
            keep_alive: true,
            unwritten: None,
            searched: 0,
            interim: MAX_INTERIM,
            timer: DeadlineTimer::default(),
        }
    }

    /// Where the head of the next request is written to, before [`Self::begin`].
    pub(super) fn head(&mut self) -> &mut BytesMut {
        self.outgoing.head()
    }

    /// Begins a call whose head is written, with this body.
    pub(super) fn begin(&mut self, method: Method, body: RequestBody, framing: Framing) {
        self.method = method;
        self.step = MIN_STEP;
        self.interim = MAX_INTERIM;
        self.outgoing.begin(body, framing);
    }

    /// Sends the request and waits for the head of the response.
    ///
    /// # Errors
    /// When there is none. [`Self::take_unsent`] tells whether the call can be made elsewhere.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Parts, Error>> {
        if !self.outgoing.is_sent() && self.unwritten.is_none() {
            self.send(cx)?;
        }
        loop {
            while let Some(head) = response_head::take(&mut self.read, &mut self.searched, &self.method)? {
                let status = head.parts.status;
                if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
                    self.pass_over(status)?;
                    continue;
                }
                (self.body, self.keep_alive) = (head.body, head.keep_alive);
                if let BodyDecoder::Length(length) = self.body {
                    self.step = usize::try_from(length).unwrap_or(MAX_STEP).clamp(MIN_STEP, MAX_STEP);
                }
                return Poll::Ready(Ok(head.parts));
            }
            match ready!(self.poll_more(cx)) {
                Ok(0) => return Poll::Ready(Err(self.unwritten.take().unwrap_or(Error::Closed))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Skips an interim response (RFC 9110 §15.2).
    fn pass_over(&mut self, status: StatusCode) -> Result<(), Error> {
        match status {
            // Said again and again, so that one waits (RFC 2518 §10.1). The time for the first byte limits it.
            StatusCode::PROCESSING => return Ok(()),
            StatusCode::CONTINUE => self.outgoing.open(),
            _ => {}
        }
        self.interim = self.interim.checked_sub(1).ok_or(Error::Interim)?;
        Ok(())
    }

    /// Sends what can be sent.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        match self.outgoing.poll(&mut self.stream, cx) {
            Poll::Ready(Err(Error::Io(error))) if !self.outgoing.is_unsent() => {
                self.abandon(error);
                Ok(())
            }
            Poll::Ready(sent) => sent,
            Poll::Pending => Ok(()),
        }
    }

    /// Gives the body back when nothing of the request was written: the call can be made over another connection.
    pub(super) fn take_unsent(&mut self) -> Option<RequestBody> {
        self.outgoing.take_unsent()
    }

    /// Sends the rest of a request whose response has begun.
    ///
    /// # Errors
    /// When the client has not sent it as it should. Nothing can be done on the connection any more then.
    pub(super) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.is_sent() {
            return Poll::Ready(Ok(()));
        }
        match ready!(self.outgoing.poll(&mut self.stream, cx)) {
            Err(Error::Io(error)) => self.abandon(error),
            sent => return Poll::Ready(sent),
        }
        Poll::Ready(Ok(()))
    }

    /// An upstream that takes no more of a request may have answered it. The connection takes no other call then.
    fn abandon(&mut self, error: io::Error) {
        self.outgoing.give_up();
        self.unwritten = Some(Error::Io(error));
    }

    /// Whether nothing more of the request will be sent.
    pub(super) fn is_sent(&self) -> bool {
        self.outgoing.is_sent() || self.unwritten.is_some()
    }

    /// Whether the request's body still waits for the upstream to ask for it.
    pub(super) fn is_held(&self) -> bool {
        self.outgoing.is_held()
    }

    /// The next part of the response's body.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if let Some(frame) = self.body.take(&mut self.read)? {
                return Poll::Ready(Some(Ok(frame)));
            }
            if self.body.is_ended() {
                return Poll::Ready(None);
            }
            if ready!(self.poll_more(cx))? == 0 {
                self.body.close()?;
            }
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.body.is_ended()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    /// Whether it can take another call: the last one has ended on both sides, and nothing came after it.
    pub(super) fn is_reusable(&self) -> bool {
        self.keep_alive && self.outgoing.is_sent() && self.body.is_ended() && self.read.is_empty()
    }

    /// Whether an unused connection is still open and silent. It makes no system call: the runtime knows whether there
    /// is anything to read.
    pub(super) fn is_open(&mut self) -> bool {
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        let read = poll_fn(|cx| Pin::new(&mut self.stream).poll_read(cx, &mut byte));
        // Unconstrained, since a task that has used up its share of a turn would be told that there is nothing.
        pin!(unconstrained(read)).poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Lets go of memory that a connection without a call does not need.
    pub(super) fn rest(&mut self) {
        // Its capacity is what is left of that memory, however much of it was used.
        if self.room > MIN_STEP {
            (self.read, self.room) = (BytesMut::new(), 0);
        }
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        if self.read.capacity() - self.read.len() < self.step / 4 {
            self.read.reserve(self.step);
            self.room = self.room.max(self.read.capacity());
        }
        let room = self.read.capacity() - self.read.len();
        let length = ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.read)).map_err(Error::Io)?;
        if length == room {
            self.step = (2 * self.step).min(MAX_STEP);
        }
        Poll::Ready(Ok(length))
    }
}

/// The bytes after a 101 response are not HTTP any more.
impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, to);
        }
        let length = self.read.len().min(to.remaining());
        to.put_slice(&self.read[..length]);
        self.read.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("body", &self.body).finish_non_exhaustive()
    }
}
