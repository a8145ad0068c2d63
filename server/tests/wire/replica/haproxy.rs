//! A real `HAProxy` that distributes requests among servers, round robin.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::net::TcpStream;

use crate::{program::folder, support::redis_server::free_port};

/// The response header that names the server, also on responses that `HAProxy` generates itself.
pub const SERVER: &str = "x-replica";

/// A balancer, stopped when dropped.
pub struct Haproxy {
    folder: PathBuf,
    process: Child,
}

/// An address to listen on, for a balancer whose servers have to know it before they start.
pub fn address() -> String {
    format!("127.0.0.1:{}", free_port())
}

impl Haproxy {
    /// Starts one that listens on `address` and forwards requests to `servers`, which are named `0`, `1`, ….
    pub async fn start(address: &str, servers: &[&str]) -> Self {
        let folder = folder();
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, configuration(address, servers)).unwrap();
        let process = Command::new(program())
            .args(["-db", "-f"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot start haproxy ({error}): install it with `apt-get install haproxy`")
            });
        let mut haproxy = Self { folder, process };
        haproxy.wait_until_ready(address).await;
        haproxy
    }

    async fn wait_until_ready(&mut self, address: &str) {
        for _ in 0..600 {
            if TcpStream::connect(address).await.is_ok() {
                return;
            }
            assert!(self.process.try_wait().unwrap().is_none(), "haproxy has exited");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("haproxy does not respond");
    }
}

/// Debian installs it in a folder that only root's PATH contains.
fn program() -> &'static str {
    let system = "/usr/sbin/haproxy";
    if Path::new(system).exists() { system } else { "haproxy" }
}

/// Like `deploy/haproxy.cfg`, with shorter timeouts.
fn configuration(address: &str, servers: &[&str]) -> String {
    let mut text = format!(
        "global
    maxconn 4096
defaults
    mode http
    timeout connect 2s
    timeout check 5s
    timeout client 1m
    timeout server 1m
    option redispatch 1
    retries 3
frontend users
    bind {address}
    http-after-response set-header {SERVER} %s
    default_backend replicas
backend replicas
    balance roundrobin
    option httpchk GET /healthz
    default-server check inter 1s fall 2 rise 1
"
    );
    for (name, server) in servers.iter().enumerate() {
        writeln!(text, "    server {name} {server}").unwrap();
    }
    text
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
