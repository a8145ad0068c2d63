//! An open WebSocket: bytes in both directions, until one end closes it or its session is over.
//!
//! Messages pass as they come, of any size and never held: 16 KiB at a time, the next only when the
//! last is written. The frames' ends are followed, so that this server's own Close frame stands between
//! two frames, and what the API sends is searched for tokens.

use std::{
    io,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    frame::{self, Frames},
    inspector::{Inspector, Withheld},
};
use crate::{
    clock::Clock,
    session::{ResolvedSession, SessionEndSubscription},
};

/// How much is read at once, in bytes.
const BUFFER: usize = 16 << 10;
/// How long the current frame may take to end once the session is over.
const TO_BOUNDARY: Duration = Duration::from_secs(5);
/// How long the other direction may go on once one has ended, and how long the client may take to
/// answer a Close frame.
const TO_END: Duration = Duration::from_secs(5);
/// How often the clock is asked at least: it may have been set.
const CLOCK_STEP: i64 = 30;

/// The events on which this server closes a WebSocket.
pub(super) struct CloseTriggers {
    /// Whether the server stops.
    pub(super) stopping: watch::Receiver<bool>,
    /// The session that opened it, if any.
    pub(super) session: Option<SessionEndSubscription>,
    /// The same session, to be looked after: its end may not be told.
    pub(super) found: Option<ResolvedSession>,
    /// When the token with which it was opened ends, in seconds since the epoch.
    pub(super) expires_at: Option<i64>,
    pub(super) clock: Clock,
    /// How long both directions may stand still.
    pub(super) idle: Option<Duration>,
}

/// Why this server closes a WebSocket, with the code of its Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    SessionEnded,
    TokenExpired,
    Idle,
    Stopping,
    TokenWithheld,
}

impl CloseReason {
    /// 4401 is of the range for private use (RFC 6455 §7.4.2), made like HTTP's 401.
    fn close(self) -> (u16, &'static str) {
        match self {
            Self::SessionEnded => (4401, "session ended"),
            Self::TokenExpired => (4401, "token expired"),
            Self::Idle => (1001, "idle"),
            Self::Stopping => (1001, "going away"),
            Self::TokenWithheld => (1008, "token withheld"),
        }
    }
}

impl CloseTriggers {
    /// Waits until the WebSocket has to close. `moved` counts what goes through it.
    async fn over(&mut self, moved: &AtomicU64) -> CloseReason {
        let session = async {
            match &mut self.session {
                Some(session) => session.ended().await,
                None => std::future::pending().await,
            }
        };
        let found = &self.found;
        let looked_after = async {
            match found {
                Some(found) => found.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.stopping.wait_for(|stopping| *stopping) => CloseReason::Stopping,
            () = session => CloseReason::SessionEnded,
            () = looked_after => CloseReason::SessionEnded,
            () = expired(self.expires_at, &self.clock) => CloseReason::TokenExpired,
            () = idle(self.idle, moved) => CloseReason::Idle,
        }
    }
}

async fn expired(at: Option<i64>, clock: &Clock) {
    let Some(at) = at else { return std::future::pending().await };
    loop {
        let left = at - clock.now();
        if left <= 0 {
            return;
        }
        sleep(Duration::from_secs(left.clamp(1, CLOCK_STEP).unsigned_abs())).await;
    }
}

/// Looks once per `call_limit`, so that it takes up to twice as long.
async fn idle(limit: Option<Duration>, moved: &AtomicU64) {
    let Some(limit) = limit else { return std::future::pending().await };
    loop {
        let before = moved.load(Ordering::Relaxed);
        sleep(limit).await;
        if moved.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

/// Carries bytes until both directions have ended, one has failed, or the watch says so. What the upstream sends goes
/// through the `inspector`, if there is one.
pub(super) async fn run<C, U>(
    client: C,
    upstream: U,
    mut watch: CloseTriggers,
    inspector: Option<Box<Inspector>>,
) -> Option<CloseReason>
where
    C: AsyncRead + AsyncWrite,
    U: AsyncRead + AsyncWrite,
{
    let (mut client_read, mut client_write) = tokio::io::split(client);
    let (mut upstream_read, mut upstream_write) = tokio::io::split(upstream);
    let (moved, stop) = (AtomicU64::new(0), watch::Sender::new(None));
    let over = {
        let down = Direction { stop: &stop, moved: &moved, mask: None, inspector };
        let up = Direction { stop: &stop, moved: &moved, mask: Some(rand::random()), inspector: None };
        let down = down.carry(&mut upstream_read, &mut client_write);
        let up = up.carry(&mut client_read, &mut upstream_write);
        let mut both = std::pin::pin!(both(down, up));
        tokio::select! {
            () = &mut both => *stop.borrow(),
            over = watch.over(&moved) => {
                stop.send_replace(Some(over));
                let _ = timeout(TO_BOUNDARY, both).await;
                Some(over)
            }
        }
    };
    if over.is_some() {
        // The client's response to the Close frame, and its end: closing before would lose ours.
        let mut sink = tokio::io::sink();
        let _ = timeout(TO_END, tokio::io::copy(&mut client_read, &mut sink)).await;
    }
    let _ = client_write.shutdown().await;
    over
}

/// Runs both directions; once one has ended, the other for a little while, and not if it failed.
async fn both(down: impl Future<Output = io::Result<()>>, up: impl Future<Output = io::Result<()>>) {
    match select(std::pin::pin!(down), std::pin::pin!(up)).await {
        Either::Left((Ok(()), up)) => drop(timeout(TO_END, up).await),
        Either::Right((Ok(()), down)) => drop(timeout(TO_END, down).await),
        Either::Left((Err(_), _)) | Either::Right((Err(_), _)) => {}
    }
}

/// One direction of a WebSocket.
struct Direction<'a> {
    /// Whether this server closes it, and why.
    stop: &'a watch::Sender<Option<CloseReason>>,
    /// Counts what is read.
    moved: &'a AtomicU64,
    /// The key of this server's own frames, in the client's direction.
    mask: Option<[u8; 4]>,
    inspector: Option<Box<Inspector>>,
}

/// How far a direction was followed, and how much of that may go on.
type Followed = Result<(usize, usize), Withheld>;

impl Direction<'_> {
    /// Carries it to its end, or to a frame's end when it is to stop, with a Close frame then.
    async fn carry<R, W>(mut self, from: &mut R, to: &mut W) -> io::Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut stop = self.stop.subscribe();
        let mut frames = Frames::default();
        let (mut buffer, mut kept) = (vec![0; BUFFER], 0);
        let mut over = None;
        while over.is_none() || !frames.at_boundary() {
            let read = tokio::select! {
                biased;
                () = stopped(&mut stop), if over.is_none() => {
                    over = *stop.borrow();
                    continue;
                }
                read = from.read(&mut buffer[kept..]) => read?,
            };
            if read == 0 {
                to.write_all(&buffer[..kept]).await?;
                return to.shutdown().await;
            }
            self.moved.fetch_add(1, Ordering::Relaxed);
            match self.follow(&mut frames, &buffer[..kept + read], kept, over.is_some()) {
                Ok((end, sent)) => {
                    to.write_all(&buffer[..sent]).await?;
                    to.flush().await?;
                    kept = keep(&mut buffer, sent..end);
                }
                Err(withheld) => {
                    over = Some(CloseReason::TokenWithheld);
                    self.stop.send_replace(over);
                    // In the middle of a frame there is no room for a Close frame.
                    kept = withheld.0.ok_or(io::ErrorKind::InvalidData)?;
                    break;
                }
            }
        }
        // The bytes held back are not a token so far, and no more come.
        to.write_all(&buffer[..kept]).await?;
        if let Some((code, reason)) = over.map(CloseReason::close).filter(|_| !frames.is_closed()) {
            to.write_all(&frame::close(code, reason, self.mask)).await?;
        }
        to.flush().await
    }

    fn follow(&mut self, frames: &mut Frames, unsent: &[u8], new: usize, to_boundary: bool) -> Followed {
        if let Some(inspector) = &mut self.inspector {
            return inspector.follow(frames, unsent, new, to_boundary);
        }
        let end = if to_boundary {
            frames.advance_to_boundary(unsent).unwrap_or(unsent.len())
        } else {
            frames.advance(unsent);
            unsent.len()
        };
        Ok((end, end))
    }
}

/// Moves what is kept to the front, and makes room for the next read behind it.
fn keep(buffer: &mut Vec<u8>, kept: Range<usize>) -> usize {
    let length = kept.len();
    if length > 0 {
        buffer.copy_within(kept, 0);
        buffer.resize(buffer.len().max(length + BUFFER), 0);
    }
    length
}

async fn stopped(stop: &mut watch::Receiver<Option<CloseReason>>) {
    let _ = stop.wait_for(Option::is_some).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;
    use crate::{
        random::Random,
        session::{SessionEndNotifier, SessionId},
    };

    struct Ends {
        client: DuplexStream,
        upstream: DuplexStream,
        sessions: SessionEndNotifier,
        stop: watch::Sender<bool>,
        id: SessionId,
        tunnel: tokio::task::JoinHandle<Option<CloseReason>>,
    }

    fn tunnel(expires_at: Option<i64>) -> Ends {
        let ((client, near), (upstream, far)) = (duplex(64), duplex(64));
        let (ends, id) = (SessionEndNotifier::default(), SessionId::random(&Random::seeded(1)));
        let stop = watch::Sender::new(false);
        let watch = CloseTriggers {
            stopping: stop.subscribe(),
            session: Some(ends.subscribe(id)),
            found: None,
            expires_at,
            clock: Clock::system(),
            idle: None,
        };
        Ends { client, upstream, sessions: ends, id, stop, tunnel: tokio::spawn(run(near, far, watch, None)) }
    }

    async fn read(stream: &mut DuplexStream, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    #[tokio::test]
    async fn closes_between_two_frames_when_the_session_ends() {
        let mut it = tunnel(None);
        // A frame of 200 bytes, of which 100 come before the session's end.
        it.upstream.write_all(&[0x82, 126, 0, 200]).await.unwrap();
        it.upstream.write_all(&[b'x'; 100]).await.unwrap();
        read(&mut it.client, 104).await;
        it.sessions.notify(it.id);
        tokio::task::yield_now().await;
        let rest = tokio::spawn(async move {
            it.upstream.write_all(&[b'x'; 100]).await.unwrap();
            it.upstream.write_all(&[0x81, 2, b'n', b'o']).await.ok();
            it.upstream
        });
        assert_eq!(read(&mut it.client, 100).await, [b'x'; 100]);
        let close = frame::close(4401, "session ended", None);
        assert_eq!(read(&mut it.client, close.len()).await, close);
        drop(it.client);
        let mut upstream = rest.await.unwrap();
        // Masked, as a client's frames are.
        assert_eq!(read(&mut upstream, 2).await, [0x88, 0x80 | 15]);
        assert_eq!(it.tunnel.await.unwrap(), Some(CloseReason::SessionEnded));
    }

    #[tokio::test]
    async fn closes_when_the_token_has_expired() {
        let mut it = tunnel(Some(0));
        let close = frame::close(4401, "token expired", None);
        assert_eq!(read(&mut it.client, close.len()).await, close);
        drop(it.client);
        assert_eq!(it.tunnel.await.unwrap(), Some(CloseReason::TokenExpired));
    }

    #[tokio::test]
    async fn closes_when_the_server_stops() {
        let mut it = tunnel(None);
        it.stop.send_replace(true);
        let close = frame::close(1001, "going away", None);
        assert_eq!(read(&mut it.client, close.len()).await, close);
        drop(it.client);
        assert_eq!(it.tunnel.await.unwrap(), Some(CloseReason::Stopping));
        it.stop.closed().await;
    }

    #[tokio::test]
    async fn adds_nothing_after_a_close_frame() {
        let mut it = tunnel(None);
        let close = frame::close(1000, "done", None);
        it.upstream.write_all(&close).await.unwrap();
        assert_eq!(read(&mut it.client, close.len()).await, close);
        it.sessions.notify(it.id);
        it.client.shutdown().await.unwrap();
        let mut rest = Vec::new();
        it.client.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
    }

    #[tokio::test]
    async fn ends_with_either_end() {
        let mut it = tunnel(None);
        it.upstream.write_all(&[0x81, 2, b'h', b'i']).await.unwrap();
        it.upstream.shutdown().await.unwrap();
        let mut all = Vec::new();
        it.client.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, [0x81, 2, b'h', b'i']);
        drop(it.client);
        assert_eq!(it.tunnel.await.unwrap(), None);
        assert!(it.sessions.is_empty());
    }
}
