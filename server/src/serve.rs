//! Runs the server: one thread per core, each with its own runtime, listener and connection pools, so that a request is
//! handled on the thread that accepted its connection.

use std::{error::Error, path::Path, sync::Arc, thread};

use tokio::{runtime::Builder, sync::watch};
use vestibule::{Vestibule, config::Config};

use crate::{
    assets, connection::HttpLimits, connection_limit::ConnectionLimiter, demo::Demo, dispatch::Dispatcher, file_limit,
    huge_pages, key_file, listen, settings::Settings, telemetry, worker, worker::WorkerConfig,
};

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(file: Option<&Path>) -> Result<(), Box<dyn Error>> {
    telemetry::start();
    huge_pages::disable();
    let open_files = file_limit::raise();
    let mut settings = Settings::load(file)?;
    if settings.session.keys.is_empty() {
        settings.session.keys.push(key_file::load_or_create(&settings.data_dir)?);
    }
    let threads =
        if settings.threads == 0 { thread::available_parallelism().map_or(1, usize::from) } else { settings.threads };
    let listeners = listen::open(settings.listen, threads)?;
    let demo = if settings.api.url.is_none() { Some(Demo::start(&settings)?) } else { None };
    if let Some(demo) = &demo {
        settings.api.url = Some(demo.url.clone());
    }
    let result = serve(&settings, listeners, open_files);
    if let Some(demo) = demo {
        demo.stop();
    }
    result
}

fn serve(
    settings: &Settings,
    listeners: Vec<std::net::TcpListener>,
    open_files: Option<u64>,
) -> Result<(), Box<dyn Error>> {
    let vestibule = Vestibule::new(settings.library()?)?;
    let options = assets::options()?;
    let worker_config = worker_config(settings, open_files);
    warn_about_shared_address(vestibule.config());
    tracing::info!(url = %vestibule.config().public_url, listen = %settings.listen, threads = listeners.len(), "ready");
    let (stop, stopped) = watch::channel(false);
    let signals = Builder::new_current_thread().enable_all().build()?;
    // Before the first connection: a client that got a response may then stop the server.
    let stopping = {
        let _context = signals.enter();
        stop_signal()?
    };
    let mut servers = Vec::new();
    for (index, listener) in listeners.into_iter().enumerate() {
        let dispatcher = Arc::new(Dispatcher::new(vestibule.with_own_pools(), &options, settings));
        let (worker_config, stopped) = (worker_config.clone(), stopped.clone());
        let thread = thread::Builder::new().name(format!("server-{index}"));
        servers.push(thread.spawn(move || worker::run(listener, dispatcher, worker_config, stopped))?);
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

/// The configuration that all threads share.
fn worker_config(settings: &Settings, open_files: Option<u64>) -> WorkerConfig {
    let (max, max_per_address) = settings.server.connection_limits(open_files);
    tracing::info!(open_files, max_connections = max, max_connections_per_address = max_per_address, "limits");
    WorkerConfig {
        http_limits: HttpLimits::new(&settings.server, &settings.proxy),
        limiter: Arc::new(ConnectionLimiter::new(max, max_per_address, &settings.proxy.trusted_proxies)),
    }
}

/// Warns if all clients would appear under one address. This server only speaks plain HTTP, so with an https URL there
/// is a proxy in front of it.
fn warn_about_shared_address(config: &Config) {
    if config.https() && config.proxy.trusted_proxies.is_empty() {
        tracing::warn!(
            "`public_url` is https, so a proxy in front of this server terminates TLS, but `proxy.trusted_proxies` is \
             empty: all clients appear to come from one address and share the limits of one client for logins, signups \
             and calls. Set `proxy.trusted_proxies` to the proxy's address, and `proxy.client_address_header` to the \
             header in which it sends the client's address"
        );
    }
}

/// Starts listening for SIGTERM and Ctrl-C; the future completes with the first of them.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
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

/// Waits for Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot listen for Ctrl-C");
            std::future::pending::<()>().await;
        }
    })
}
