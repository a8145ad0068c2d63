//! A real primary with a replica, and a Sentinel that watches over both.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use redis::{Cmd, FromRedisValue, RedisResult};

use crate::support::redis_server::{Redis, free_port};

/// The name of the service.
const SERVICE: &str = "main";
/// The passwords of the servers and of the Sentinel.
const PASSWORD: &str = "behind-the-door";
const SENTINEL_PASSWORD: &str = "on-the-watch";

/// Two servers and their Sentinel, each with a password. They end with the test.
pub struct SentinelSetup {
    pub servers: Vec<Redis>,
    port: u16,
    folder: PathBuf,
    sentinel: Child,
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1_200 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("timed out: {what}");
}

/// Sends a command to one server.
pub async fn ask<T: FromRedisValue>(port: u16, password: &str, command: &Cmd) -> RedisResult<T> {
    let client = redis::Client::open(format!("redis://:{password}@127.0.0.1:{port}/")).unwrap();
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(5)));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    command.query_async(&mut connection).await
}

/// A command of words.
pub fn command(words: &str) -> Cmd {
    let mut command = Cmd::new();
    command.arg(words.split(' ').collect::<Vec<_>>());
    command
}

impl SentinelSetup {
    pub async fn start() -> Self {
        let common = ["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0"];
        let primary = Redis::with(&common).await;
        let port = primary.port().to_string();
        let replica = Redis::with(&[&common[..], &["--replicaof", "127.0.0.1", &port]].concat()).await;
        until("the replica follows", async || {
            let info: RedisResult<String> = ask(replica.port(), PASSWORD, &command("INFO replication")).await;
            info.is_ok_and(|info| info.contains("master_link_status:up"))
        })
        .await;
        let (port, folder, sentinel) = spawn_sentinel(primary.port());
        let watched = Self { servers: vec![primary, replica], port, folder, sentinel };
        until("the Sentinel knows both", async || {
            let found: RedisResult<Vec<redis::Value>> =
                watched.ask_sentinel(&command(&format!("SENTINEL REPLICAS {SERVICE}"))).await;
            found.is_ok_and(|found| found.len() == 1)
        })
        .await;
        watched
    }

    /// The URL, with an unreachable Sentinel first, and a separate database.
    pub fn url(&self) -> String {
        let (port, away) = (self.port, free_port());
        format!(
            "redis-sentinel://:{PASSWORD}@127.0.0.1:{away},127.0.0.1:{port}/{SERVICE}/1?sentinel_password={SENTINEL_PASSWORD}"
        )
    }

    async fn ask_sentinel<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        ask(self.port, SENTINEL_PASSWORD, command).await
    }

    /// Sends a command to the primary.
    pub async fn ask_primary<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        ask(self.primary().await, PASSWORD, command).await
    }

    /// The port of the server that is the primary now.
    pub async fn primary(&self) -> u16 {
        let get = command(&format!("SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}"));
        let (_, port): (String, u16) = self.ask_sentinel(&get).await.unwrap();
        port
    }

    /// Waits until the replica has all writes.
    pub async fn replicated(&self) {
        let client = redis::Client::open(format!("redis://:{PASSWORD}@127.0.0.1:{}/", self.primary().await)).unwrap();
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await.unwrap();
        // WAIT only covers the writes of its own connection.
        command("SET mark 1").exec_async(&mut connection).await.unwrap();
        let replicas: u8 = command("WAIT 1 20000").query_async(&mut connection).await.unwrap();
        assert_eq!(replicas, 1);
    }

    /// Makes the replica the primary.
    pub async fn fail_over(&self) {
        let before = self.primary().await;
        until("the Sentinel begins", async || {
            self.ask_sentinel::<()>(&command(&format!("SENTINEL FAILOVER {SERVICE}"))).await.is_ok()
        })
        .await;
        until("the replica is the primary", async || self.primary().await != before).await;
        // Until it follows, the former primary accepts writes, which are then lost.
        until("the former primary follows", async || {
            let info: RedisResult<String> = ask(before, PASSWORD, &command("INFO replication")).await;
            info.is_ok_and(|info| info.contains("role:slave"))
        })
        .await;
    }
}

/// Starts a Sentinel for the primary at `port`. Returns its port, folder and process.
fn spawn_sentinel(port: u16) -> (u16, PathBuf, Child) {
    let own = free_port();
    let folder = std::env::temp_dir().join(format!("vestibule-sentinel-{}-{own}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let settings = [
        format!("port {own}"),
        "bind 127.0.0.1".into(),
        format!("dir {}", folder.display()),
        format!("requirepass {SENTINEL_PASSWORD}"),
        format!("sentinel monitor {SERVICE} 127.0.0.1 {port} 1"),
        format!("sentinel auth-pass {SERVICE} {PASSWORD}"),
        format!("sentinel down-after-milliseconds {SERVICE} 1000"),
        format!("sentinel failover-timeout {SERVICE} 5000"),
    ];
    let file = folder.join("sentinel.conf");
    std::fs::write(&file, settings.join("\n")).unwrap();
    let mut command = Command::new("redis-server");
    command.arg(&file).arg("--sentinel").stdout(Stdio::null()).stderr(Stdio::null());
    (own, folder, command.spawn().unwrap())
}

impl Drop for SentinelSetup {
    fn drop(&mut self) {
        self.sentinel.kill().unwrap();
        self.sentinel.wait().unwrap();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
