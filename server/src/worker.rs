//! One thread of the server: its runtime, its listener, its connections.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use futures_util::future::join;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, LocalOptions},
    sync::watch,
    task::spawn_local,
};

use crate::{front::Front, timer::ConnectionTimer};

/// How long requests in flight may take to end after the signal to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How long a client may take to send its request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until `stopped` says so. The runtime takes tasks that stay on a thread, which rendering pages has, as
/// it takes any other: a set of them beside the runtime would be woken by way of it.
pub(crate) fn run(
    listener: std::net::TcpListener,
    front: Arc<Front>,
    stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(accept(listener, front, stopped))
}

async fn accept(
    listener: std::net::TcpListener,
    front: Arc<Front>,
    mut stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(stopped.wait_for(|stop| *stop));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    spawn_local(connection(stream, client, Arc::clone(&front), graceful.watcher()));
                }
                // Too many open files, most often: it passes, and the clients are told by their
                // own connection.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            _ = &mut stop => break,
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, join(graceful.shutdown(), front.stop())).await;
    Ok(())
}

/// Serves one connection, HTTP/1.1 or HTTP/2, until it ends.
async fn connection(stream: TcpStream, client: SocketAddr, front: Arc<Front>, watcher: Watcher) {
    // Without it a streamed page waits some 40 ms for delayed acknowledgements.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(front.answer(request, client).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(ConnectionTimer::default()).header_read_timeout(HEADER_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(HEADER_TIMEOUT));
    // Its own, which it drops when it knows the version: the builder is not kept for as long as the connection.
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    drop(builder);
    if let Err(error) = watcher.watch(serving).await {
        // The client's doing, nearly always: it went away, or spoke no HTTP.
        tracing::debug!(%error, "a connection broke");
    }
}
