//! One connection of a client, HTTP/1.1 or HTTP/2, from its first byte to its last.
//!
//! Its deadlines belong to the connection and not to a version of HTTP: from the connecting to the first whole
//! head, and from each response to the next head, `header_timeout` (see [`activity`]); for a write that makes no
//! progress, whatever is written, `write_timeout` (see [`socket`]), and the same for a stream of HTTP/2 whose
//! window the client leaves shut (see [`stream`]). The deadlines of request bodies are in [`crate::intake`].

mod activity;
mod answer;
mod roster;
mod socket;
mod stream;

use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::{conn::auto, graceful::Watcher},
};
use tokio::net::TcpStream;
use vestibule::config::ProxyConfig;

pub(crate) use self::roster::Roster;
use self::{
    activity::{Activity, Idle},
    answer::Answering,
    socket::Socket,
    stream::Streams,
};
use crate::{census::Place, front::Front, settings::ServerSettings};

/// The most streams that one connection of HTTP/2 may have open (RFC 9113 §5.1.2).
const MAX_STREAMS: u32 = 128;
/// The most streams that a client may reset before this server has seen them (CVE-2023-44487).
const MAX_RESETS: usize = 20;
/// The most streams of one connection that this server resets for errors of the client.
const MAX_ERRORS: usize = 1024;
/// How much of uploads may wait to be read, in bytes: of one stream, and of all streams of a connection.
const WINDOW: u32 = 1 << 20;
/// How much of one response may wait to be sent, in bytes.
const SEND_BUFFER: usize = 64 << 10;
/// The largest payload of one frame, in bytes.
const FRAME: u32 = 16 << 10;
/// How long a client may take to answer a ping.
const PONG_TIMEOUT: Duration = Duration::from_secs(20);
/// Room for the request line, in bytes.
const REQUEST_LINE: usize = 16 << 10;
/// What each field takes besides its name and value: a colon, a space and a line's end in HTTP/1.1, and in HTTP/2
/// what RFC 9113 §6.5.2 adds.
const PER_FIELD: usize = 4 + 32;
/// As many fields hyper takes without memory of its own for each request.
const FIELDS: usize = 100;

/// By which limits connections are served.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    header_timeout: Duration,
    write_timeout: Duration,
    /// The most bytes of a request's head.
    head: usize,
    max_fields: usize,
}

impl Rules {
    /// A head may have as much as the proxy takes, whichever version of HTTP it comes in, and a request line.
    pub(crate) fn new(server: &ServerSettings, proxy: &ProxyConfig) -> Self {
        let fields = proxy.max_header_bytes.saturating_add(proxy.max_header_count.saturating_mul(PER_FIELD));
        Self {
            header_timeout: server.header_timeout.duration(),
            write_timeout: server.write_timeout.duration(),
            head: fields.saturating_add(REQUEST_LINE),
            max_fields: proxy.max_header_count,
        }
    }

    /// What speaks HTTP by these rules.
    fn builder(&self) -> auto::Builder<Streams> {
        let mut builder = auto::Builder::new(Streams::new(self.write_timeout));
        // `Idle` limits heads in both versions.
        builder.http1().header_read_timeout(None).max_buf_size(self.head);
        if self.max_fields > FIELDS {
            builder.http1().max_headers(self.max_fields);
        }
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(self.header_timeout))
            .keep_alive_timeout(PONG_TIMEOUT)
            .max_concurrent_streams(MAX_STREAMS)
            .max_pending_accept_reset_streams(MAX_RESETS)
            .max_local_error_reset_streams(MAX_ERRORS)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .max_frame_size(FRAME)
            .max_header_list_size(u32::try_from(self.head).unwrap_or(u32::MAX));
        builder
    }
}

/// A connection that was taken.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) client: SocketAddr,
    pub(crate) place: Place,
}

impl Accepted {
    /// Serves it on this thread, as one of `roster`, until it ends.
    pub(crate) fn serve(self, rules: &Rules, roster: &Rc<Roster>, front: Arc<Front>, watcher: Watcher) {
        let Self { stream, client, place } = self;
        // Without it a streamed page waits some 40 ms for delayed acknowledgements.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let socket = Socket::new(stream, rules.write_timeout, place);
        let activity = Rc::new(Activity::new(socket.written()));
        let served = Rc::clone(&activity);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let (front, open) = (Arc::clone(&front), served.begin());
            Answering::new(async move { front.answer(request, client).await }, open)
        });
        let builder = rules.builder();
        // Its own, which it drops when it knows the version: the builder is not kept for as long as the connection.
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(socket), service).into_owned();
        let idle = Idle::new(Rc::clone(&activity), rules.header_timeout);
        roster.spawn(activity, run(watcher.watch(serving), idle));
    }
}

/// Runs a connection to its end, or to the end of its patience.
async fn run<F, E>(serving: F, mut idle: Idle)
where
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let mut serving = pin!(serving);
    let ended = poll_fn(|cx: &mut Context<'_>| match serving.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending => idle.poll_over(cx).map(|()| None),
    });
    match ended.await {
        Some(Ok(())) => {}
        // The client's doing, nearly always: it went away, took nothing, or spoke no HTTP.
        Some(Err(error)) => tracing::debug!(%error, "a connection broke"),
        None => tracing::debug!("a connection without a request was closed"),
    }
}
