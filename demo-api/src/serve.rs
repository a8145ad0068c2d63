//! Serving on a socket, and stopping.

use std::{io, time::Duration};

use axum::serve::ListenerExt as _;
use tokio::{net::TcpListener, time};

use crate::api::DemoApi;

/// How long requests under way may take after the stop was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// Serves the API until `shutdown` is done: then event streams and web sockets end, requests under
/// way get up to ten seconds, and the database is closed. The API cannot be served again.
///
/// # Errors
///
/// When the socket cannot be used.
pub async fn serve(
    listener: TcpListener,
    api: DemoApi,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Without it the second write of a stream waits for the client's delayed ACK.
        if let Err(cause) = stream.set_nodelay(true) {
            tracing::debug!(%cause, "cannot set TCP_NODELAY");
        }
    });
    let stop = api.shutdown.clone();
    let stopped = stop.clone();
    let serving = axum::serve(listener, api.router()).with_graceful_shutdown(async move {
        shutdown.await;
        stop.cancel();
    });
    let whole = async {
        serving.await?;
        api.tasks.close();
        api.tasks.wait().await;
        api.database.close().await;
        Ok(())
    };
    let deadline = async {
        stopped.cancelled().await;
        time::sleep(GRACE).await;
    };
    tokio::select! {
        result = whole => result,
        () = deadline => {
            tracing::warn!("requests were cut off: they took too long to end");
            Ok(())
        }
    }
}
