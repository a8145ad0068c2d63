//! The socket of a connection: what is written to it makes progress, or the connection ends.
//!
//! This covers all that a client may be slow to take: pages, files, proxied responses, frames of HTTP/2, and
//! WebSockets, which keep the socket when HTTP is done with it. Where nothing is to be written nothing is due.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};
use vestibule::deadline::DeadlineTimer;

use crate::census::Place;

/// A client's socket.
pub(super) struct Socket {
    stream: TcpStream,
    limit: Duration,
    /// Until when the write that waits has to make progress.
    deadline: Option<Instant>,
    alarm: DeadlineTimer,
    written: Arc<AtomicU64>,
    /// Taken for as long as the socket is open.
    _place: Place,
}

/// The client has taken nothing of what was sent to it for too long.
#[derive(Debug, thiserror::Error)]
#[error("the client takes nothing")]
struct NothingTaken;

impl Socket {
    pub(super) fn new(stream: TcpStream, limit: Duration, place: Place) -> Self {
        let alarm = DeadlineTimer::default();
        Self { stream, limit, deadline: None, alarm, written: Arc::default(), _place: place }
    }

    /// How many bytes it has taken, as a count that goes on.
    pub(super) fn written(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.written)
    }

    fn written_or_due(&mut self, polled: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(length)) => {
                // Written by this connection only: a plain addition will do.
                let written = self.written.load(Ordering::Relaxed);
                self.written.store(written + length as u64, Ordering::Relaxed);
                self.deadline = None;
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.limit);
                if self.alarm.is_due(deadline, cx) {
                    // What the kernel still holds for this client is thrown away with the connection.
                    let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, NothingTaken)));
                }
            }
        }
        polled
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written_or_due(polled, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written_or_due(polled, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
