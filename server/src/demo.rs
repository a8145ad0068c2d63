//! The embedded demo API, which runs when no `api.url` is set.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::watch,
};
use url::Url;

use crate::settings::Settings;

/// A running demo API, on its own runtime: hashing passwords must not block the pages.
pub(crate) struct Demo {
    pub(crate) url: Url,
    runtime: Runtime,
    stop: watch::Sender<bool>,
    served: tokio::task::JoinHandle<()>,
}

/// The demo API cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("the demo API cannot be started: set `api.url` to use another API, or set a writable `data_dir`")]
pub(crate) struct DemoError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Demo {
    /// Starts the demo API on a free port of the loopback interface.
    pub(crate) fn start(settings: &Settings) -> Result<Self, DemoError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("demo-api")
            .enable_all()
            .build()
            .map_err(|error| DemoError(error.into()))?;
        let (stop, mut stopped) = watch::channel(false);
        let (url, served) = runtime
            .block_on(async {
                let api = demo_api::open(demo_settings(settings)).await?;
                log_credentials(&api);
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                let url = Url::parse(&format!("http://{}", listener.local_addr()?))?;
                let shutdown = async move {
                    let _ = stopped.wait_for(|stop| *stop).await;
                };
                let served = tokio::spawn(async move {
                    if let Err(error) = demo_api::serve(listener, api, shutdown).await {
                        tracing::error!(%error, "the demo API stopped");
                    }
                });
                Ok((url, served))
            })
            .map_err(DemoError)?;
        tracing::info!(%url, "no `api.url` is set: the demo API runs");
        Ok(Self { url, runtime, stop, served })
    }

    /// Stops the demo API, waiting up to two seconds for its open responses.
    pub(crate) fn stop(self) {
        let _ = self.stop.send(true);
        let timeout = Duration::from_secs(2);
        let served = self.served;
        let _ = self.runtime.block_on(async { tokio::time::timeout(timeout, served).await });
        self.runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

fn demo_settings(settings: &Settings) -> demo_api::Settings {
    demo_api::Settings {
        access_token_lifetime: Duration::from_secs(settings.demo.access_token_lifetime),
        refresh_token_lifetime: Duration::from_secs(settings.demo.refresh_token_lifetime),
        ..demo_api::Settings::new(settings.data_dir.clone())
    }
}

/// Logs the demo users' credentials. The password is public: it is in the documentation.
fn log_credentials(api: &demo_api::DemoApi) {
    if api.seeded() {
        tracing::info!("the demo API has created two users and some notes");
    }
    for user in demo_api::SEED_PEOPLE {
        tracing::info!("log in as {} with {}", user.email, demo_api::SEED_PASSWORD);
    }
}
