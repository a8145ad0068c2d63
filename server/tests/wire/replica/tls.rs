//! Redis over TLS, with a certificate of the operator's own authority.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::{
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
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &authority).unwrap();
        for (name, content) in
            [("ca.pem", authority.pem()), ("redis.pem", certificate.pem()), ("redis.key", key.serialize_pem())]
        {
            std::fs::write(folder.join(name), content).unwrap();
        }
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

#[tokio::test]
async fn sessions_are_kept_in_redis_over_tls_with_an_authority_of_ones_own() {
    let certificates = Certificates::new();
    let (port, certificate, key) =
        (free_port().to_string(), certificates.file("redis.pem"), certificates.file("redis.key"));
    let _redis = Redis::with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "behind-tls",
    ])
    .await;
    let stub = Stub::start().await;
    let (api, store) = (stub.url(), format!("rediss://:behind-tls@127.0.0.1:{port}/1"));
    let authority = certificates.file("ca.pem");
    let own =
        [("VESTIBULE_API__URL", api.as_str()), ("VESTIBULE_SESSION__STORE", &store), ("SSL_CERT_FILE", &authority)];
    let server = Program::with(&own).await;
    let mut ada = server.logged_in("ada@example.com").await;
    assert_eq!(ada.cookies["vestibule"].len(), 43, "an opaque name");
    assert_eq!(ada.get("/api/proxy/notes").await.json()["email"], "ada@example.com");

    // Whoever does not know the authority trusts nobody there.
    let stranger = Program::with(&own[..2]).await;
    let mut browser = stranger.browser();
    let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("return_to", "/")];
    let answer = browser.post_form("/api/login", &fields).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(browser.cookies.is_empty());
    let log = format!("{}{}", server.stop().await, stranger.stop().await);
    assert!(!log.contains("behind-tls"), "{log}");
}
