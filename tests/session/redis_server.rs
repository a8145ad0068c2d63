//! A real Redis server of a test's own.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

const PROGRAM: &str = "redis-server";

/// A server on a free port, with its data in a folder of its own. It ends with the test.
pub struct Redis {
    port: u16,
    folder: PathBuf,
    process: Option<Child>,
}

impl Redis {
    pub async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("vestibule-redis-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut redis = Self { port, folder, process: None };
        redis.resume().await;
        redis
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
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
        self.process = Some(spawn(self.port, &self.folder));
        for _ in 0..200 {
            if let Ok(mut connection) = self.client().get_multiplexed_async_connection().await
                && redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{PROGRAM} does not answer on port {}", self.port);
    }

    pub fn client(&self) -> redis::Client {
        redis::Client::open(self.url()).unwrap()
    }

    /// Everything that the server holds: each name with its seconds to live and its content.
    pub async fn dump(&self) -> Vec<(String, i64, String)> {
        let mut connection = self.client().get_multiplexed_async_connection().await.unwrap();
        let names: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
        let mut all = Vec::new();
        for name in names {
            let ttl: i64 = redis::cmd("TTL").arg(&name).query_async(&mut connection).await.unwrap();
            let kind: String = redis::cmd("TYPE").arg(&name).query_async(&mut connection).await.unwrap();
            let content: Vec<String> = match kind.as_str() {
                "hash" => redis::cmd("HGETALL").arg(&name).query_async(&mut connection).await.unwrap(),
                "set" => redis::cmd("SMEMBERS").arg(&name).query_async(&mut connection).await.unwrap(),
                _ => vec![redis::cmd("GET").arg(&name).query_async(&mut connection).await.unwrap()],
            };
            all.push((name, ttl, content.join(" ")));
        }
        all
    }
}

fn spawn(port: u16, folder: &Path) -> Child {
    Command::new(PROGRAM)
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("cannot start {PROGRAM} ({error}): install it with `apt-get install redis-server`")
        })
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
