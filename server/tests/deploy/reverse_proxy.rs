//! A real nginx, `HAProxy` or Caddy with the configuration from `deploy/`.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::net::TcpStream;

use crate::{
    certificate_authority::{CertificateAuthority, issue_certificate},
    example::{fill, read, without},
    program::folder,
    support::redis_server::free_port,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    Nginx,
    Haproxy,
    Caddy,
}

/// Ports and files, chosen before the start, because the server has to know its public URL.
pub struct ProxySetup {
    pub http: u16,
    pub https: u16,
    pub authority: CertificateAuthority,
    folder: PathBuf,
}

/// A proxy in front of a server, stopped when dropped.
pub struct ReverseProxy {
    pub setup: ProxySetup,
    process: Child,
}

impl ProxySetup {
    pub fn new() -> Self {
        let folder = folder();
        Self { http: free_port(), https: free_port(), authority: issue_certificate(&folder), folder }
    }

    pub fn origin(&self) -> String {
        format!("https://127.0.0.1:{}", self.https)
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let file = self.file(name);
        std::fs::write(&file, text).unwrap();
        file
    }
}

impl ReverseProxy {
    /// Starts a proxy in front of the server at the address `server`. Its configuration is the example without the lines
    /// that begin with one of `omitted`.
    pub async fn start(kind: ProxyKind, setup: ProxySetup, server: &str, omitted: &[&str]) -> Self {
        let mut command = match kind {
            ProxyKind::Nginx => nginx(&setup, server, omitted),
            ProxyKind::Haproxy => haproxy(&setup, server, omitted),
            ProxyKind::Caddy => caddy(&setup, server, omitted),
        };
        let log = File::create(setup.file("log")).unwrap();
        command.current_dir(&setup.folder).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let process = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {kind:?} ({error}): `cargo xtask setup` installs it"));
        let mut proxy = Self { setup, process };
        proxy.wait_until_ready().await;
        proxy
    }

    async fn wait_until_ready(&mut self) {
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", self.setup.https)).await.is_ok() {
                return;
            }
            assert!(self.process.try_wait().unwrap().is_none(), "the proxy has exited: {}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the proxy does not respond: {}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.setup.file("log")).unwrap_or_default()
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        terminate(&mut self.process);
        let _ = std::fs::remove_dir_all(&self.setup.folder);
    }
}

/// Terminates the process with SIGTERM first, so that nginx also stops its workers.
fn terminate(process: &mut Child) {
    let sent = Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
    for _ in 0..100 {
        if sent.is_err() || process.try_wait().is_ok_and(|status| status.is_some()) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = process.kill();
    let _ = process.wait();
}

/// Debian installs them in a folder that only root's PATH contains.
fn program(name: &str) -> Command {
    let system = Path::new("/usr/sbin").join(name);
    if system.exists() { Command::new(system) } else { Command::new(name) }
}

fn nginx(setup: &ProxySetup, server: &str, omitted: &[&str]) -> Command {
    let site = fill(
        &without(&read("nginx.conf"), omitted),
        &[
            ("server 127.0.0.1:3000;", &format!("server {server};")),
            ("listen 80;", &format!("listen 127.0.0.1:{};", setup.http)),
            ("listen 443 ssl", &format!("listen 127.0.0.1:{} ssl", setup.https)),
            ("/etc/ssl/app.example/fullchain.pem", &setup.file("certificate.pem")),
            ("/etc/ssl/app.example/privkey.pem", &setup.file("key.pem")),
        ],
    );
    let site = setup.write("site.conf", &site);
    let folders: Vec<String> = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};", setup.file(name)))
        .into();
    let main = format!(
        "daemon off;\nworker_processes 1;\npid {};\nerror_log stderr;\nevents {{}}\n\
         http {{ access_log off; {} include {site}; }}\n",
        setup.file("pid"),
        folders.join(" ")
    );
    // Otherwise its workers drop root's privileges and cannot write there.
    let user = if is_root() { "user root;\n" } else { "" };
    let mut command = program("nginx");
    command.arg("-p").arg(&setup.folder).arg("-c").arg(setup.write("nginx.conf", &format!("{user}{main}")));
    command
}

fn haproxy(setup: &ProxySetup, server: &str, omitted: &[&str]) -> Command {
    let text = fill(
        &without(&read("haproxy.cfg"), omitted),
        &[
            ("10.0.0.1:3000", server),
            ("10.0.0.2:3000", server),
            ("10.0.0.3:3000", server),
            ("bind :80", &format!("bind 127.0.0.1:{}", setup.http)),
            ("bind :443", &format!("bind 127.0.0.1:{}", setup.https)),
            ("/etc/haproxy/app.example.pem", &setup.file("both.pem")),
        ],
    );
    let mut command = program("haproxy");
    command.args(["-db", "-f"]).arg(setup.write("haproxy.cfg", &format!("{text}\n")));
    command
}

fn caddy(setup: &ProxySetup, server: &str, omitted: &[&str]) -> Command {
    let (certificate, key) = (setup.file("certificate.pem"), setup.file("key.pem"));
    let text = fill(
        &without(&read("Caddyfile"), omitted),
        &[
            ("127.0.0.1:3000 {", &format!("{server} {{")),
            // No public authority issues a certificate for this address.
            ("\napp.example {", &format!("\n{} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}", setup.origin())),
        ],
    );
    let options = format!("{{\n\tadmin off\n\thttp_port {}\n\tskip_install_trust\n}}\n", setup.http);
    let mut command = program("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]);
    command.arg(setup.write("Caddyfile", &format!("{options}{text}")));
    command.envs(["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"].map(|name| (name, &setup.folder)));
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}
