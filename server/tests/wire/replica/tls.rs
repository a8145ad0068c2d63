//! Redis over TLS, with a certificate from a private certificate authority: one server, Sentinel, a cluster.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    certificate_authority::issue_certificate,
    program::{Program, folder},
    support::{
        redis_server::{Redis, free_port},
        stub::{PASSWORD, Stub},
    },
};

/// A folder with `ca.pem`, and a certificate for 127.0.0.1 with its key.
struct Certificates(PathBuf);

impl Certificates {
    fn new() -> Self {
        let folder = folder();
        issue_certificate(&folder);
        Self(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server with TLS on a second port, and `more` arguments.
async fn with_tls(certificates: &Certificates, port: u16, more: &[&str]) -> Redis {
    let (port, certificate, key) =
        (port.to_string(), certificates.file("certificate.pem"), certificates.file("key.pem"));
    let tls = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let common = ["--tls-auth-clients", "no", "--requirepass", "behind-tls"];
    Redis::with(&[&tls[..], &common, more].concat()).await
}

/// A server that trusts the certificate authority keeps sessions at `store`; one that does not, cannot.
async fn serves(certificates: &Certificates, store: &str) {
    let stub = Stub::start().await;
    let (api, authority) = (stub.url(), certificates.file("ca.pem"));
    let own =
        [("VESTIBULE_API__URL", api.as_str()), ("VESTIBULE_SESSION__STORE", store), ("SSL_CERT_FILE", &authority)];
    let server = Program::with(&own).await;
    let mut ada = server.logged_in("ada@example.com").await;
    assert_eq!(ada.cookies["vestibule"].len(), 43, "an opaque name");
    assert_eq!(ada.get("/api/proxy/notes").await.json()["email"], "ada@example.com");

    // A server without that certificate authority does not trust the store.
    let untrusting = Program::with(&own[..2]).await;
    let mut browser = untrusting.browser();
    let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("return_to", "/")];
    let response = browser.post_form("/api/login", &fields).await;
    assert_eq!(response.status, 503, "{response:?}");
    assert!(browser.cookies.is_empty());
    let log = format!("{}{}", server.stop().await, untrusting.stop().await);
    assert!(!log.contains("behind-tls"), "{log}");
}

#[tokio::test]
async fn sessions_are_kept_in_redis_over_tls_with_a_private_certificate_authority() {
    let (certificates, port) = (Certificates::new(), free_port());
    let _redis = with_tls(&certificates, port, &[]).await;
    serves(&certificates, &format!("rediss://:behind-tls@127.0.0.1:{port}/1")).await;
}

#[tokio::test]
async fn sentinels_and_their_server_are_reached_over_tls() {
    let (certificates, port, own) = (Certificates::new(), free_port(), free_port());
    let _redis = with_tls(&certificates, port, &[]).await;
    let settings = [
        format!("port 0\ntls-port {own}\nbind 127.0.0.1\ndir {}", certificates.0.display()),
        format!(
            "tls-cert-file {}\ntls-key-file {}",
            certificates.file("certificate.pem"),
            certificates.file("key.pem")
        ),
        format!("tls-ca-cert-file {}\ntls-auth-clients no\ntls-replication yes", certificates.file("ca.pem")),
        format!("sentinel monitor main 127.0.0.1 {port} 1\nsentinel auth-pass main behind-tls"),
    ];
    std::fs::write(certificates.0.join("sentinel.conf"), settings.join("\n")).unwrap();
    let mut command = Command::new("redis-server");
    command.arg(certificates.file("sentinel.conf")).arg("--sentinel").stdout(Stdio::null());
    let _sentinel = KillOnDrop(command.spawn().unwrap());
    wait_until_open(own).await;
    serves(&certificates, &format!("rediss-sentinel://:behind-tls@127.0.0.1:{own}/main/1")).await;
}

#[tokio::test]
async fn a_cluster_is_reached_over_tls() {
    let (certificates, port, bus) = (Certificates::new(), free_port(), free_port().to_string());
    let authority = certificates.file("ca.pem");
    let cluster = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--tls-cluster", "yes"];
    let more = [&cluster[..], &["--tls-ca-cert-file", &authority]].concat();
    let redis = with_tls(&certificates, port, &more).await;
    // All slots on one server, which is ready as soon as it has them.
    let mut plain = TcpStream::connect(("127.0.0.1", redis.port())).await.unwrap();
    plain.write_all(b"AUTH behind-tls\r\nCLUSTER ADDSLOTSRANGE 0 16383\r\n").await.unwrap();
    for _ in 0..400 {
        let mut response = vec![0; 4_096];
        plain.write_all(b"CLUSTER INFO\r\n").await.unwrap();
        let length = plain.read(&mut response).await.unwrap();
        if String::from_utf8_lossy(&response[..length]).contains("cluster_state:ok") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    serves(&certificates, &format!("rediss-cluster://:behind-tls@127.0.0.1:{port}")).await;
}

/// A process that is killed when dropped.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn wait_until_open(port: u16) {
    for _ in 0..400 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nothing listens on port {port}");
}
