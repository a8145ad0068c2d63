//! The HTTP/2 connections to one upstream, and their streams.
//!
//! An upstream says how many streams a connection may have (RFC 9113 §5.1.2), and hyper makes a request wait that
//! comes when all are in use: behind event streams for ever. So streams are counted here, and there is one more
//! connection when those of the others are in use, up to a limit. What comes then waits for a while for a stream.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::{
    connection::{NewConnection, NewHttp2, Sender},
    error::ProxyError,
    http1,
};

/// The most streams on one connection, where the upstream allows more: a packet that is lost stops all streams of its
/// connection.
const MAX_STREAMS: usize = 100;

/// The connections to one upstream.
pub(super) struct Connections {
    max: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    connections: Vec<Connection>,
    /// How many are being opened.
    opening: usize,
    /// How many calls wait for a stream.
    waiting: usize,
    /// How many streams the connection opened last has.
    usual: usize,
    last_id: u64,
}

struct Connection {
    id: u64,
    new: NewHttp2,
    in_use: usize,
}

/// The right to one stream; gives it back when dropped.
pub(super) struct Stream {
    sender: Sender,
    connections: Arc<Connections>,
    id: u64,
}

/// The connection or stream that a call uses.
pub(super) enum Opened {
    Http1(Box<http1::Connection>),
    Http2(Box<Stream>),
}

/// How to get a stream.
enum Next {
    Take(Stream),
    Open(Opening),
    Wait,
}

/// A connection that is being opened.
struct Opening(Arc<Connections>);

/// A call that waits.
struct Waiting<'a>(&'a Connections);

impl Connections {
    pub(super) fn new(max: usize) -> Arc<Self> {
        let state = State { usual: MAX_STREAMS, ..State::default() };
        Arc::new(Self { max, state: Mutex::new(state), changed: Notify::new() })
    }

    /// A free stream, if there is one right now.
    pub(super) fn take(self: &Arc<Self>) -> Option<Stream> {
        self.lock().take(self)
    }

    /// Whether there are connections, or will be.
    pub(super) fn are_there(&self) -> bool {
        let state = self.lock();
        state.opening > 0 || !state.connections.is_empty()
    }

    /// A free stream: of a connection that is there, of a new one by way of `open`, or the first one that another call
    /// gives back before `deadline`. An upstream may come to speak HTTP/1.1 again: then `open` gives such a connection.
    ///
    /// # Errors
    /// When there is none, or when `open` fails.
    pub(super) async fn take_or_open<F>(self: &Arc<Self>, deadline: Instant, open: F) -> Result<Opened, ProxyError>
    where
        F: Future<Output = Result<NewConnection, ProxyError>>,
    {
        let _waiting = Waiting::begin(self);
        loop {
            let mut changed = pin!(self.changed.notified());
            // From now on, so that nothing is missed that happens after the look.
            changed.as_mut().enable();
            match self.next() {
                Next::Take(stream) => return Ok(Opened::Http2(Box::new(stream))),
                Next::Open(_opening) => return Ok(self.opened(open.await?)),
                Next::Wait => {}
            }
            timeout_at(deadline, changed).await.map_err(|_| ProxyError::NoStream)?;
        }
    }

    /// Takes a new connection for a call. Other calls share it if it is HTTP/2.
    pub(super) fn opened(self: &Arc<Self>, new: NewConnection) -> Opened {
        match new {
            NewConnection::Http1(connection) => Opened::Http1(connection),
            NewConnection::Http2(new) => Opened::Http2(Box::new(self.add(new))),
        }
    }

    fn next(self: &Arc<Self>) -> Next {
        let mut state = self.lock();
        if let Some(stream) = state.take(self) {
            return Next::Take(stream);
        }
        let is_enough = state.opening * state.usual >= state.waiting;
        if is_enough || state.connections.len() + state.opening >= self.max {
            return Next::Wait;
        }
        state.opening += 1;
        Next::Open(Opening(Arc::clone(self)))
    }

    /// Counts a connection that was opened, and takes its first stream.
    fn add(self: &Arc<Self>, new: NewHttp2) -> Stream {
        let sender = new.sender.clone();
        let id = {
            let mut state = self.lock();
            (state.usual, state.last_id) = (new.streams().max(1), state.last_id + 1);
            let id = state.last_id;
            // Several may have been opened at once, before it was known what the upstream speaks.
            if state.connections.len() < self.max {
                state.connections.push(Connection { id, new, in_use: 1 });
            }
            id
        };
        self.changed.notify_waiters();
        Stream { sender, connections: Arc::clone(self), id }
    }

    /// Gives a stream back. A connection without any is closed when the others have room for half of what it takes.
    fn give_back(&self, id: u64) {
        self.lock().give_back(id);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held cannot leave half a state: each change is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, connections: &Arc<Connections>) -> Option<Stream> {
        self.connections.retain(|it| !it.new.sender.is_closed());
        let free = self.connections.iter_mut().find(|it| it.free() > 0)?;
        free.in_use += 1;
        Some(Stream { sender: free.new.sender.clone(), connections: Arc::clone(connections), id: free.id })
    }

    fn give_back(&mut self, id: u64) {
        let Some(index) = self.connections.iter().position(|it| it.id == id) else { return };
        let connection = &mut self.connections[index];
        connection.in_use -= 1;
        let (is_unused, streams) = (connection.in_use == 0, connection.new.streams());
        let free: usize = self.connections.iter().filter(|it| it.id != id).map(Connection::free).sum();
        if is_unused && free > streams / 2 {
            self.connections.swap_remove(index);
        }
    }
}

impl NewHttp2 {
    fn streams(&self) -> usize {
        self.allowed.load(Ordering::Relaxed).min(MAX_STREAMS)
    }
}

impl Connection {
    fn free(&self) -> usize {
        self.new.streams().saturating_sub(self.in_use)
    }
}

impl Stream {
    pub(super) fn sender(&mut self) -> &mut Sender {
        &mut self.sender
    }

    /// Marks its connection as unusable: it accepted no request.
    pub(super) fn retire(&self) {
        self.connections.lock().connections.retain(|it| it.id != self.id);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connections.give_back(self.id);
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.lock().opening -= 1;
        self.0.changed.notify_waiters();
    }
}

impl<'a> Waiting<'a> {
    fn begin(connections: &'a Connections) -> Self {
        connections.lock().waiting += 1;
        Self(connections)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}
