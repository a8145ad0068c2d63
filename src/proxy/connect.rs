//! New connections to an upstream.

use std::{
    future::poll_fn,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use hyper::client::conn::http2::Builder;
use hyper::rt::{Read, Write};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    connection::{NewConnection, NewHttp2},
    error::ProxyError,
    http1::Connection,
    route::Route,
    tls::Tls,
};
use crate::config::proxy::Protocol;

/// After how long a silent connection is asked for a sign of life, and how often then: what notices
/// an upstream that is gone under an open event stream.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How often a new HTTP/2 connection is looked at for the upstream's settings, which come at once.
const LOOK: Duration = Duration::from_millis(1);

/// Connects to an upstream, its TLS and HTTP handshakes included.
///
/// # Errors
/// When that fails or takes longer than the route allows.
pub(super) async fn connect(route: &Route, tls: Option<&Tls>) -> Result<NewConnection, ProxyError> {
    let connecting = async {
        let stream = open(route).await?;
        let Some(tls) = tls else {
            return if route.protocol == Protocol::Http2 {
                open_http2(TokioIo::new(stream)).await
            } else {
                Ok(NewConnection::Http1(Box::new(Connection::new(stream))))
            };
        };
        let stream = tls.any.connect(tls.name.clone(), stream).await.map_err(ProxyError::Connect)?;
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            open_http2(TokioIo::new(stream)).await
        } else {
            Ok(NewConnection::Http1(Box::new(Connection::new(stream))))
        }
    };
    timeout(route.times.connect, connecting).await.map_err(|_| ProxyError::ConnectTimeout)?
}

/// Connects for one call that upgrades to another protocol, which only HTTP/1.1 can.
///
/// # Errors
/// As [`connect`].
pub(super) async fn connect_to_upgrade(route: &Route, tls: Option<&Tls>) -> Result<Box<Connection>, ProxyError> {
    let connecting = async {
        let stream = open(route).await?;
        let Some(tls) = tls else { return Ok(Box::new(Connection::new(stream))) };
        let stream = tls.http1.connect(tls.name.clone(), stream).await.map_err(ProxyError::Connect)?;
        Ok(Box::new(Connection::new(stream)))
    };
    timeout(route.times.connect, connecting).await.map_err(|_| ProxyError::ConnectTimeout)?
}

/// Tries the addresses of the host one after the other, each with its share of the time left: one
/// that does not answer leaves time for the next.
async fn open(route: &Route) -> Result<TcpStream, ProxyError> {
    let end = Instant::now() + route.times.connect;
    let addresses = lookup_host((route.hostname.as_str(), route.port)).await.map_err(ProxyError::Connect)?;
    let addresses: Vec<_> = addresses.collect();
    let mut failure = ProxyError::Connect(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
    for (index, address) in addresses.iter().enumerate() {
        let now = Instant::now();
        let share = end.saturating_duration_since(now) / u32::try_from(addresses.len() - index).unwrap_or(1);
        match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                tune(&stream).map_err(ProxyError::Connect)?;
                return Ok(stream);
            }
            Ok(Err(error)) => failure = ProxyError::Connect(error),
            Err(_) => failure = ProxyError::ConnectTimeout,
        }
    }
    Err(failure)
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keep_alive = socket2::TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE / 3);
    socket2::SockRef::from(stream).set_tcp_keepalive(&keep_alive)
}

/// Opens an HTTP/2 connection, and waits until it is known how many streams the upstream allows: its settings are the
/// first that it sends (RFC 9113 §3.4). hyper takes them in without a word, so this has to look.
async fn open_http2<I>(io: I) -> Result<NewConnection, ProxyError>
where
    I: Read + Write + Send + Unpin + 'static,
{
    let (sender, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .adaptive_window(true)
        .initial_max_send_streams(0)
        .handshake(io)
        .await
        .map_err(ProxyError::Handshake)?;
    let mut connection = Box::pin(connection);
    while connection.current_max_send_streams() == 0 {
        if let Either::Left((ended, _)) = select(&mut connection, pin!(sleep(LOOK))).await {
            return Err(ended
                .map_or_else(ProxyError::Handshake, |()| ProxyError::Connect(io::ErrorKind::ConnectionReset.into())));
        }
    }
    let allowed = Arc::new(AtomicUsize::new(connection.current_max_send_streams()));
    let noted = Arc::clone(&allowed);
    // It is polled for each request: the settings may change.
    tokio::spawn(poll_fn(move |cx| {
        let polled = connection.as_mut().poll(cx);
        noted.store(connection.current_max_send_streams(), Ordering::Relaxed);
        polled
    }));
    Ok(NewConnection::Http2(NewHttp2 { sender, allowed }))
}
