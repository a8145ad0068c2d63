//! A request on its way to the upstream: its head, then its body as that comes in.

use std::{
    io::IoSlice,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body as _;
use tokio::io::AsyncWrite;

use super::{Error, stream::Stream};
use crate::proxy::{fields::Fields, upload::RequestBody};

/// More room than this, in bytes, is given back after a request.
const KEPT: usize = 4 << 10;

/// How the upstream knows where a request's body ends (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Framing {
    /// By its length: so many bytes are still to come.
    Length(u64),
    Chunked,
}

/// A request on its way. It goes out in this order: `text`, `data`, `tail`.
#[derive(Debug)]
pub(super) struct RequestEncoder {
    /// The head, and what stands around chunks.
    text: BytesMut,
    data: Bytes,
    tail: &'static [u8],
    body: RequestBody,
    framing: Framing,
    /// How long the head is, in bytes.
    head: usize,
    /// Whether anything was written.
    begun: bool,
    /// Whether nothing more comes from the body.
    ended: bool,
    /// Whether all was written.
    sent: bool,
}

impl Default for RequestEncoder {
    fn default() -> Self {
        Self {
            text: BytesMut::new(),
            data: Bytes::new(),
            tail: b"",
            body: RequestBody::Empty,
            framing: Framing::Length(0),
            head: 0,
            begun: false,
            ended: true,
            sent: true,
        }
    }
}

impl RequestEncoder {
    /// Where the next request's head is written to.
    pub(super) fn head(&mut self) -> &mut BytesMut {
        &mut self.text
    }

    /// Begins a request whose head is written, with this body.
    pub(super) fn begin(&mut self, body: RequestBody, framing: Framing) {
        (self.data, self.tail) = (Bytes::new(), b"");
        (self.begun, self.sent) = (false, false);
        self.head = self.text.len();
        self.ended = matches!(body, RequestBody::Empty) && framing != Framing::Chunked;
        (self.body, self.framing) = (body, framing);
    }

    pub(super) fn is_sent(&self) -> bool {
        self.sent
    }

    /// Whether the body waits for the upstream to ask for it.
    pub(super) fn is_held(&self) -> bool {
        self.body.is_held()
    }

    /// Lets a held body go.
    pub(super) fn open(&self) {
        self.body.open();
    }

    pub(super) fn is_unsent(&self) -> bool {
        !self.begun
    }

    /// Lets go of what cannot be sent any more.
    pub(super) fn give_up(&mut self) {
        self.text.clear();
        (self.data, self.tail, self.body) = (Bytes::new(), b"", RequestBody::Empty);
    }

    /// Gives the body back when nothing of the request was written.
    pub(super) fn take_unsent(&mut self) -> Option<RequestBody> {
        if self.begun {
            return None;
        }
        self.text.clear();
        let (mut body, data) = (std::mem::replace(&mut self.body, RequestBody::Empty), std::mem::take(&mut self.data));
        body.put_back(data);
        Some(body)
    }

    /// Writes what there is, and takes more from the body when all of it is written. Ready when the whole request
    /// is on its way.
    pub(super) fn poll(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            // Before the head is written: the body's beginning goes with it when it is there.
            let waits = !self.ended && !self.has_data() && self.fill(cx)?.is_pending();
            if !self.text.is_empty() || self.has_data() {
                ready!(self.write(stream, cx))?;
                continue;
            }
            ready!(Pin::new(&mut *stream).poll_flush(cx)).map_err(Error::Io)?;
            if self.ended {
                self.finish();
                return Poll::Ready(Ok(()));
            }
            if waits {
                return Poll::Pending;
            }
        }
    }

    fn has_data(&self) -> bool {
        !self.data.is_empty() || !self.tail.is_empty()
    }

    fn finish(&mut self) {
        self.sent = true;
        // This notifies the waiter for the upload's end.
        self.body = RequestBody::Empty;
        // Its capacity is what is left of its memory, however much of that was used.
        if self.head.max(self.text.capacity()) > KEPT {
            self.text = BytesMut::new();
        }
    }

    /// Takes the next part of the body.
    fn fill(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Error> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else { return Ok(Poll::Pending) };
        match frame.transpose().map_err(Error::RequestBody)? {
            None => self.end(&HeaderMap::new())?,
            Some(frame) => match frame.into_data() {
                Ok(data) => self.take_data(data)?,
                Err(frame) => self.end(&frame.into_trailers().unwrap_or_default())?,
            },
        }
        Ok(Poll::Ready(()))
    }

    fn take_data(&mut self, data: Bytes) -> Result<(), Error> {
        match &mut self.framing {
            Framing::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(Error::RequestLength)?;
                self.ended = *left == 0 && self.body.is_end_stream();
            }
            // An empty chunk would end the body.
            Framing::Chunked if data.is_empty() => return Ok(()),
            Framing::Chunked => {
                put_hexadecimal(&mut self.text, data.len());
                self.tail = b"\r\n";
            }
        }
        self.data = data;
        Ok(())
    }

    fn end(&mut self, trailers: &HeaderMap) -> Result<(), Error> {
        match self.framing {
            Framing::Length(0) => {}
            Framing::Length(_) => return Err(Error::RequestLength),
            Framing::Chunked => {
                self.text.put_slice(b"0\r\n");
                for (name, value) in trailers {
                    self.text.add(name, value);
                }
                self.text.put_slice(b"\r\n");
            }
        }
        self.ended = true;
        Ok(())
    }

    fn write(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let encrypts = matches!(stream, Stream::Tls(_));
        let stream = Pin::new(stream);
        let written = if self.has_data() {
            stream.poll_write_vectored(cx, &[&self.text[..], &self.data[..], self.tail].map(IoSlice::new))
        } else {
            stream.poll_write(cx, &self.text)
        };
        let written = ready!(written);
        // TLS takes more than it sends at once, and may have sent some of it when it fails.
        self.begun |= encrypts || written.is_ok();
        let mut written = written.map_err(Error::Io)?;
        if written == 0 {
            return Poll::Ready(Err(Error::Io(std::io::ErrorKind::WriteZero.into())));
        }
        take_away(&mut self.text, &mut written);
        take_away(&mut self.data, &mut written);
        take_away(&mut self.tail, &mut written);
        Poll::Ready(Ok(()))
    }
}

/// Takes what was written away from the beginning of `part`.
fn take_away(part: &mut impl Buf, written: &mut usize) {
    let length = part.remaining().min(*written);
    part.advance(length);
    *written -= length;
}

/// A chunk's size and the end of its line.
fn put_hexadecimal(text: &mut BytesMut, number: usize) {
    let digits = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        text.put_u8(b"0123456789abcdef"[number >> (4 * place) & 15]);
    }
    text.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_chunks_size() {
        for (number, written) in [(0, "0\r\n"), (9, "9\r\n"), (16, "10\r\n"), (0xabc, "abc\r\n"), (65536, "10000\r\n")]
        {
            let mut text = BytesMut::new();
            put_hexadecimal(&mut text, number);
            assert_eq!(text, written);
        }
    }
}
