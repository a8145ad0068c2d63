//! A running API with a clock to move, and what is left of it when the test ends: nothing.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use demo_api::{Clock, DemoApi, Environment, Random, Settings, Timestamp};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::client::Client;

/// Where the clocks of tests start: 2030-03-17T17:46:40Z.
const START: Timestamp = Timestamp::from_milliseconds(1_900_000_000_000);

/// A folder that goes when this does.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let name = format!("demo-api-{}", Random::system().id(Clock::system().now()));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A test that failed early may have made none.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running API.
pub struct TestApi {
    pub address: SocketAddr,
    pub api: DemoApi,
    pub clock: Clock,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
    folder: Folder,
}

impl TestApi {
    /// One with nobody in it.
    pub async fn start() -> Self {
        Self::start_with(|settings| settings.seed = false).await
    }

    /// One with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_in(Folder::new(), Clock::manual(START), change).await
    }

    async fn start_in(folder: Folder, clock: Clock, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new(&folder.0);
        change(&mut settings);
        let environment = Environment { clock: clock.clone(), random: Random::system() };
        let api = demo_api::open_in(settings, environment).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(demo_api::serve(listener, api.clone(), shutdown));
        Self { address, api, clock, stop: Some(stop), serving, folder }
    }

    /// Stops it as SIGTERM would, and waits until it has.
    pub async fn stop(mut self) -> Folder {
        self.stop.take().unwrap().send(()).unwrap();
        self.serving.await.unwrap().unwrap();
        self.folder
    }

    /// Stops it and starts another one on the same folder, on another port.
    pub async fn restart(self) -> Self {
        let clock = self.clock.clone();
        let folder = self.stop().await;
        Self::start_in(folder, clock, |settings| settings.seed = false).await
    }

    /// Lets time pass, on this API's clock alone.
    pub fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// The files in the data folder's attachments.
    pub fn attachment_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.0.join("attachments")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// The data folder.
    pub fn data_dir(&self) -> &PathBuf {
        &self.folder.0
    }

    /// Somebody who has not logged in.
    pub fn anonymous(&self) -> Client {
        Client::new(self.address)
    }

    /// Ada, who has just signed up and logged in.
    pub async fn ada(&self) -> Client {
        self.person("Ada", "ada@example.com").await
    }

    /// Grace, who has too.
    pub async fn grace(&self) -> Client {
        self.person("Grace", "grace@example.com").await
    }

    /// Somebody who signs up and logs in. Everybody's password is `correct horse`.
    pub async fn person(&self, name: &str, email: &str) -> Client {
        let client = self.anonymous();
        client.sign_up(name, email).await;
        client.log_in(email).await
    }
}
