//! The socket of a connection. A write that makes no progress ends the connection.
//!
//! This covers everything that a client may read slowly: pages, files, proxied responses, HTTP/2 frames, and WebSockets,
//! which keep the socket after the upgrade. There is no deadline while there is nothing to write.

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

use crate::connection_limit::ConnectionPermit;

/// A client's socket.
pub(super) struct Socket {
    stream: TcpStream,
    limit: Duration,
    /// When a pending write has to make progress.
    deadline: Option<Instant>,
    timer: DeadlineTimer,
    written: Arc<AtomicU64>,
    /// Held while the socket is open.
    _permit: ConnectionPermit,
}

/// The client has read nothing of what was sent to it for too long.
#[derive(Debug, thiserror::Error)]
#[error("the client reads nothing")]
struct WriteTimeout;

impl Socket {
    pub(super) fn new(stream: TcpStream, limit: Duration, permit: ConnectionPermit) -> Self {
        let timer = DeadlineTimer::default();
        Self { stream, limit, deadline: None, timer, written: Arc::default(), _permit: permit }
    }

    /// The number of bytes written, which continues to count.
    pub(super) fn written(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.written)
    }

    fn check_progress(&mut self, polled: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(length)) => {
                // Only this connection writes it, so no atomic addition is needed.
                let written = self.written.load(Ordering::Relaxed);
                self.written.store(written + length as u64, Ordering::Relaxed);
                self.deadline = None;
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.limit);
                if self.timer.poll_expired(deadline, cx) {
                    // The kernel drops its unsent data with the connection.
                    let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, WriteTimeout)));
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
        self.check_progress(polled, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.check_progress(polled, cx)
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
