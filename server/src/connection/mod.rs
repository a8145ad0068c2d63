//! A client connection, HTTP/1.1 or HTTP/2, from its first byte to its last.
//!
//! Its deadlines are the same in both HTTP versions. `header_timeout` limits the time from connecting to the first
//! complete head, and from each response to the next head (see [`activity`]). `write_timeout` limits any write that makes
//! no progress (see [`socket`]), and an HTTP/2 stream whose window the client keeps closed (see [`http2_stream`]). The deadlines of request bodies are in [`crate::body_limits`].

mod activity;
mod http2_stream;
mod registry;
mod socket;
mod tracked_response;

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

pub(crate) use self::registry::ConnectionRegistry;
use self::{
    activity::{Activity, IdleTimeout},
    http2_stream::Http2Executor,
    socket::Socket,
    tracked_response::TrackedResponse,
};
use crate::{connection_limit::ConnectionPermit, dispatch::Dispatcher, settings::ServerSettings};

/// The maximum number of open streams of an HTTP/2 connection (RFC 9113 §5.1.2).
const MAX_STREAMS: u32 = 128;
/// The maximum number of streams that a client may reset before this server has handled them (CVE-2023-44487).
const MAX_RESETS: usize = 20;
/// The maximum number of streams of one connection that this server resets because of client errors.
const MAX_ERRORS: usize = 1024;
/// How much upload data may wait to be read, in bytes: per stream, and for all streams of a connection.
const WINDOW: u32 = 1 << 20;
/// How much of one response may wait to be sent, in bytes.
const SEND_BUFFER: usize = 64 << 10;
/// The largest payload of one frame, in bytes.
const FRAME: u32 = 16 << 10;
/// How long a client may take to acknowledge a ping.
const PONG_TIMEOUT: Duration = Duration::from_secs(20);
/// The maximum size of the request line, in bytes.
const REQUEST_LINE: usize = 16 << 10;
/// The overhead of a header besides its name and value: a colon, a space and a line end in HTTP/1.1, and the 32 bytes of
/// RFC 9113 §6.5.2 in HTTP/2.
const PER_HEADER: usize = 4 + 32;
/// The number of headers that hyper parses without a heap allocation per request.
const HYPER_HEADERS: usize = 100;

/// The HTTP limits of connections.
#[derive(Clone, Debug)]
pub(crate) struct HttpLimits {
    header_timeout: Duration,
    write_timeout: Duration,
    /// The maximum size of a request's head, in bytes.
    max_head: usize,
    max_headers: usize,
}

impl HttpLimits {
    /// In both HTTP versions, a head may be as large as the proxy's limits plus a request line.
    pub(crate) fn new(server: &ServerSettings, proxy: &ProxyConfig) -> Self {
        let headers = proxy.max_header_bytes.saturating_add(proxy.max_header_count.saturating_mul(PER_HEADER));
        Self {
            header_timeout: server.header_timeout.duration(),
            write_timeout: server.write_timeout.duration(),
            max_head: headers.saturating_add(REQUEST_LINE),
            max_headers: proxy.max_header_count,
        }
    }

    /// The builder of HTTP connections with these limits.
    fn builder(&self) -> auto::Builder<Http2Executor> {
        let mut builder = auto::Builder::new(Http2Executor::new(self.write_timeout));
        // `IdleTimeout` limits the time for heads in both versions.
        builder.http1().header_read_timeout(None).max_buf_size(self.max_head);
        if self.max_headers > HYPER_HEADERS {
            builder.http1().max_headers(self.max_headers);
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
            .max_header_list_size(u32::try_from(self.max_head).unwrap_or(u32::MAX));
        builder
    }
}

/// An accepted connection.
pub(crate) struct AcceptedConnection {
    pub(crate) stream: TcpStream,
    pub(crate) client: SocketAddr,
    pub(crate) permit: ConnectionPermit,
}

impl AcceptedConnection {
    /// Serves the connection on this thread until it ends, and keeps it in `registry`.
    pub(crate) fn serve(
        self,
        limits: &HttpLimits,
        registry: &Rc<ConnectionRegistry>,
        dispatcher: Arc<Dispatcher>,
        watcher: Watcher,
    ) {
        let Self { stream, client, permit } = self;
        // Otherwise a streamed page waits some 40 ms for delayed acknowledgements.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let socket = Socket::new(stream, limits.write_timeout, permit);
        let activity = Rc::new(Activity::new(socket.written()));
        let served = Rc::clone(&activity);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let (dispatcher, active) = (Arc::clone(&dispatcher), served.start_request());
            TrackedResponse::new(async move { dispatcher.handle(request, client).await }, active)
        });
        let builder = limits.builder();
        // An owned copy, which hyper drops once it knows the HTTP version, so that no builder is kept with the connection.
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(socket), service).into_owned();
        let idle = IdleTimeout::new(Rc::clone(&activity), limits.header_timeout);
        registry.spawn(activity, run(watcher.watch(serving), idle));
    }
}

/// Runs a connection until it ends or its idle timeout expires.
async fn run<F, E>(serving: F, mut idle: IdleTimeout)
where
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let mut serving = pin!(serving);
    let ended = poll_fn(|cx: &mut Context<'_>| match serving.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending => idle.poll_expired(cx).map(|()| None),
    });
    match ended.await {
        Some(Ok(())) => {}
        // Almost always caused by the client: it disconnected, read nothing, or did not speak HTTP.
        Some(Err(error)) => tracing::debug!(%error, "a connection failed"),
        None => tracing::debug!("closed an idle connection"),
    }
}
