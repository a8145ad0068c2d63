//! A real Redis server of a test's own.

use std::{
    io,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const PROGRAM: &str = "redis-server";

/// A server on a free port, with its data in a folder of its own. It ends with the test.
pub struct Redis {
    port: u16,
    folder: PathBuf,
    /// What it is started with besides.
    options: Vec<String>,
    process: Option<Child>,
}

impl Redis {
    /// Starts one that keeps everything through a crash.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts one with more options.
    pub async fn with(options: &[&str]) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("vestibule-redis-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut redis = Self { port, folder, options, process: None };
        redis.resume().await;
        redis
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port())
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts the server again with the data that it had.
    pub async fn resume(&mut self) {
        self.process = Some(self.spawn());
        for _ in 0..200 {
            if self.ping().await.is_ok_and(|answer| matches!(&answer, b"+PONG" | b"-NOAU")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{PROGRAM} does not answer on port {}", self.port);
    }

    /// The first letters of its answer to a `PING`: it may want a password, or still read its data.
    async fn ping(&self) -> io::Result<[u8; 5]> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    fn spawn(&self) -> Child {
        let mut command = Command::new(PROGRAM);
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
            .arg(&self.folder)
            .args(&self.options);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap_or_else(|error| {
            panic!("cannot start {PROGRAM} ({error}): install it with `apt-get install redis-server`")
        })
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
