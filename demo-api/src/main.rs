//! Runs the API alone.

use std::{io::IsTerminal as _, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use demo_api::{SEED_PASSWORD, SEED_PEOPLE, Settings};
use tokio::{net::TcpListener, signal};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// A REST API of people and notes, for Vestibule to stand in front of.
#[derive(Debug, Parser)]
#[command(version)]
struct Command {
    /// Address to listen on.
    #[arg(long, env = "DEMO_API_LISTEN", default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// Folder to keep everything in.
    #[arg(long, env = "DEMO_API_DATA_DIR", default_value = "data")]
    data_dir: PathBuf,
    /// How long an access token is good for, in seconds.
    #[arg(long, env = "DEMO_API_ACCESS_TOKEN_LIFETIME", default_value = "900s", value_parser = seconds)]
    access_token_lifetime: Duration,
    /// How long a refresh token is good for, in seconds.
    #[arg(long, env = "DEMO_API_REFRESH_TOKEN_LIFETIME", default_value = "2592000s", value_parser = seconds)]
    refresh_token_lifetime: Duration,
    /// Largest attachment, in bytes.
    #[arg(long, env = "DEMO_API_ATTACHMENT_LIMIT", default_value_t = 64 << 20)]
    attachment_limit: u64,
    /// Start without the people to try it with.
    #[arg(long, env = "DEMO_API_NO_SEED")]
    no_seed: bool,
}

impl Command {
    fn settings(&self) -> Settings {
        let mut settings = Settings::new(&self.data_dir);
        settings.access_token_lifetime = self.access_token_lifetime;
        settings.refresh_token_lifetime = self.refresh_token_lifetime;
        settings.attachment_limit = self.attachment_limit;
        settings.seed = !self.no_seed;
        settings
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    match number.parse() {
        Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err("give a whole number of seconds, at least 1".to_owned()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Command::parse();
    log_to_stderr();
    match run(&command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            tracing::error!(%cause, "cannot run");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &Command) -> Result<(), Box<dyn std::error::Error>> {
    let api = demo_api::open(command.settings()).await?;
    let listener = TcpListener::bind(command.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", command.listen))?;
    greet(listener.local_addr()?, api.seeded());
    demo_api::serve(listener, api, stop_signal()).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "said to the person who started it")]
fn greet(address: SocketAddr, seeded: bool) {
    println!("The API listens on http://{address}; /openapi.json describes it.");
    if seeded {
        for person in SEED_PEOPLE {
            println!("Log in as {} with the password {SEED_PASSWORD}", person.email);
        }
    }
}

/// Pretty on a terminal, JSON otherwise. `RUST_LOG` chooses what is logged.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if std::io::stderr().is_terminal() {
        registry.with(lines).init();
    } else {
        registry.with(lines.json()).init();
    }
}

/// Done on Ctrl-C and, where there is such a thing, SIGTERM.
async fn stop_signal() {
    let interrupt = async {
        if let Err(cause) = signal::ctrl_c().await {
            tracing::error!(%cause, "cannot wait for Ctrl-C");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(cause) => {
                tracing::error!(%cause, "cannot wait for SIGTERM");
                std::future::pending::<()>().await;
            }
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
    tracing::info!("stopping");
}
