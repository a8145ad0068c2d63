//! A server thread with its runtime, listener and connections.

use std::{cell::Cell, io::ErrorKind, net::SocketAddr, pin::pin, rc::Rc, sync::Arc, time::Duration};

use futures_util::future::join;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, LocalOptions},
    sync::watch,
    time::Instant,
};

use crate::{
    connection::{AcceptedConnection, ConnectionRegistry, HttpLimits},
    connection_limit::{ConnectionLimiter, ConnectionPermit, LimitReached},
    dispatch::Dispatcher,
};

/// The minimum time that requests in flight get to finish after the stop signal.
const MIN_GRACE: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be accepted.
const RETRY_DELAY: Duration = Duration::from_millis(50);
/// The same if idle connections were closed.
const RETRY_DELAY_AFTER_CLOSE: Duration = Duration::from_millis(5);
/// How many idle connections are closed at once when file descriptors run out.
const CLOSE_AT_ONCE: usize = 16;
/// The interval at which refused connections are logged.
const WARN_INTERVAL: Duration = Duration::from_mins(1);

/// The configuration of a server thread.
#[derive(Clone)]
pub(crate) struct WorkerConfig {
    pub(crate) http_limits: HttpLimits,
    pub(crate) limiter: Arc<ConnectionLimiter>,
}

/// Serves until `stopped` is true. A local runtime runs tasks that are not `Send`, which rendering spawns, like any other
/// task; a `LocalSet` within the runtime would wake them indirectly.
pub(crate) fn run(
    listener: std::net::TcpListener,
    dispatcher: Arc<Dispatcher>,
    config: WorkerConfig,
    stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(serve(listener, dispatcher, config, stopped))
}

async fn serve(
    listener: std::net::TcpListener,
    dispatcher: Arc<Dispatcher>,
    config: WorkerConfig,
    mut stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let graceful = GracefulShutdown::new();
    let acceptor = Acceptor { config, registry: Rc::default(), last_warning: Cell::new(None) };
    let mut stop = pin!(stopped.wait_for(|stop| *stop));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    if let Some(connection) = acceptor.accept(stream, client) {
                        let limits = &acceptor.config.http_limits;
                        connection.serve(limits, &acceptor.registry, Arc::clone(&dispatcher), graceful.watcher());
                    }
                }
                Err(error) => acceptor.recover(&error).await,
            },
            _ = &mut stop => break,
        }
    }
    drop(listener);
    let grace = MIN_GRACE.max(dispatcher.grace_time());
    let _ = tokio::time::timeout(grace, join(graceful.shutdown(), dispatcher.stop())).await;
    // Background work that the last requests started. Other threads may wait for it as well.
    dispatcher.stop().await;
    Ok(())
}

/// Accepts connections within the limits.
struct Acceptor {
    config: WorkerConfig,
    registry: Rc<ConnectionRegistry>,
    /// When refused connections were last logged.
    last_warning: Cell<Option<Instant>>,
}

impl Acceptor {
    /// Accepts a connection, or closes it at once. At the limit of all connections, an idle connection is closed instead.
    fn accept(&self, stream: TcpStream, client: SocketAddr) -> Option<AcceptedConnection> {
        let permit = self.permit(client)?;
        Some(AcceptedConnection { stream, client, permit })
    }

    fn permit(&self, client: SocketAddr) -> Option<ConnectionPermit> {
        match self.config.limiter.acquire(client.ip()) {
            Ok(permit) => return Some(permit),
            Err(LimitReached::Server(permit)) if self.registry.close_idle() => {
                self.warn_rarely(|| tracing::warn!("closing idle connections: `server.max_connections` is reached"));
                return Some(permit);
            }
            Err(LimitReached::Server(_)) => {
                self.warn_rarely(
                    || tracing::warn!(%client, "refusing connections: `server.max_connections` is reached"),
                );
            }
            Err(LimitReached::Address) => self.warn_rarely(|| {
                let client = client.ip();
                tracing::warn!(%client, "refusing connections: the address has `server.max_connections_per_address`");
            }),
        }
        None
    }

    /// Handles a connection that could not be accepted. The usual cause is too many open files, so idle connections are
    /// closed.
    async fn recover(&self, error: &std::io::Error) {
        // The client has already disconnected.
        if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted) {
            return;
        }
        self.warn_rarely(|| tracing::warn!(%error, "cannot accept a connection"));
        let closed = (0..CLOSE_AT_ONCE).take_while(|_| self.registry.close_idle()).count();
        // They close when they are polled next.
        tokio::time::sleep(if closed > 0 { RETRY_DELAY_AFTER_CLOSE } else { RETRY_DELAY }).await;
    }

    fn warn_rarely(&self, warn: impl FnOnce()) {
        if self.last_warning.get().is_none_or(|last| last.elapsed() >= WARN_INTERVAL) {
            self.last_warning.set(Some(Instant::now()));
            warn();
        }
    }
}
