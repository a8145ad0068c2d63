//! Runs the server: a thread per core, each with a runtime, a listener and connection pools of its
//! own, so that a request is served where it arrived.

use std::{error::Error, path::Path, sync::Arc, thread, time::Duration};

use tokio::{runtime::Builder, sync::watch};
use vestibule::{Vestibule, config::Config};

use crate::{
    assets, census::Census, connection::Rules, data, demo::Demo, front::Front, listen, memory, open_files,
    settings::Settings, telemetry, worker, worker::Terms,
};

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(file: Option<&Path>) -> Result<(), Box<dyn Error>> {
    telemetry::start();
    memory::use_small_pages();
    let open_files = open_files::raise_limit();
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
    let terms = terms(settings, open_files);
    warn_of_one_address(vestibule.config());
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
        let front = Arc::new(Front::new(vestibule.with_own_pools(), &options, settings));
        let (terms, stopped) = (terms.clone(), stopped.clone());
        let thread = thread::Builder::new().name(format!("server-{index}"));
        servers.push(thread.spawn(move || worker::run(listener, front, terms, stopped))?);
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

/// By what all threads serve connections.
fn terms(settings: &Settings, open_files: Option<u64>) -> Terms {
    let (all, of_an_address) = settings.server.connections(open_files);
    tracing::info!(open_files, max_connections = all, max_connections_per_address = of_an_address, "limits");
    Terms {
        rules: Rules::new(&settings.server, &settings.proxy),
        census: Arc::new(Census::new(all, of_an_address, &settings.proxy.trusted_proxies)),
        grace: worker::grace(Duration::from_secs_f64(settings.api.timeout)),
    }
}

/// This server speaks plain HTTP, so that on https there is something in front of it.
fn warn_of_one_address(config: &Config) {
    if config.https() && config.proxy.trusted_proxies.is_empty() {
        tracing::warn!(
            "`public_url` is https, so a proxy in front of this server ends TLS, and `proxy.trusted_proxies` does not \
             name it: everybody comes from its one address and shares the limits of one client, for log-ins, sign-ups \
             and calls. Set `proxy.trusted_proxies` to the proxy's address, and `proxy.client_address_header` to the \
             header in which it tells the client's"
        );
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
