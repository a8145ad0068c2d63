//! Runs the server: a thread per core, each with a runtime, a listener and connection pools of its
//! own, so that a request is served where it arrived.

use std::{
    convert::Infallible, error::Error, net::SocketAddr, path::Path, pin::pin, sync::Arc, thread, time::Duration,
};

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
use vestibule::Vestibule;

use crate::{assets, data, demo::Demo, front::Front, listen, settings::Settings, telemetry};

/// How long requests in flight may take to end after the signal to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How long a client may take to send its request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(file: Option<&Path>) -> Result<(), Box<dyn Error>> {
    telemetry::start();
    let mut settings = Settings::load(file)?;
    if settings.session.keys.is_empty() {
        settings.session.keys.push(data::session_key(&settings.data_dir)?);
    }
    let threads =
        if settings.threads == 0 { thread::available_parallelism().map_or(1, usize::from) } else { settings.threads };
    let listeners = listen::open(settings.listen, threads)?;
    let demo = if settings.api.url.is_none() { Some(Demo::start(&settings)?) } else { None };
    if let Some(demo) = &demo {
        settings.api.url = Some(demo.url.clone());
    }
    let result = serve(&settings, listeners);
    if let Some(demo) = demo {
        demo.stop();
    }
    result
}

fn serve(settings: &Settings, listeners: Vec<std::net::TcpListener>) -> Result<(), Box<dyn Error>> {
    let vestibule = Vestibule::new(settings.library()?)?;
    let options = assets::options()?;
    tracing::info!(url = %vestibule.config().public_url, listen = %settings.listen, threads = listeners.len(), "ready");
    let (stop, stopped) = watch::channel(false);
    let signals = Builder::new_current_thread().enable_all().build()?;
    // Before the first connection: whoever has had an answer may stop the server.
    let stopping = {
        let _context = signals.enter();
        hear_signals()?
    };
    let mut servers = Vec::new();
    for (index, listener) in listeners.into_iter().enumerate() {
        let front = Arc::new(Front::new(vestibule.with_own_pools(), &options, settings.offers()));
        let stopped = stopped.clone();
        let thread = thread::Builder::new().name(format!("server-{index}"));
        servers.push(thread.spawn(move || run_thread(listener, front, stopped))?);
    }
    signals.block_on(stopping);
    tracing::info!("stopping");
    stop.send_replace(true);
    for server in servers {
        match server.join() {
            Ok(result) => result?,
            Err(_) => return Err("a server thread panicked".into()),
        }
    }
    Ok(())
}

/// Serves on one thread. Its runtime takes tasks that stay on a thread, which rendering pages has, as
/// it takes any other: a set of them beside the runtime would be woken by way of it.
fn run_thread(
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
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(HEADER_TIMEOUT));
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(serving).await {
        // The client's doing, nearly always: it went away, or spoke no HTTP.
        tracing::debug!(%error, "a connection broke");
    }
}

/// Hears SIGTERM and Ctrl-C from now on; the future ends with the first of them.
#[cfg(unix)]
fn hear_signals() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Hears Ctrl-C.
#[cfg(not(unix))]
fn hear_signals() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl-C cannot be heard");
            std::future::pending::<()>().await;
        }
    })
}
