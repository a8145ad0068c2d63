//! https and HTTP/2, up and down.

use std::{fs, path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, WebSocketUpgrade},
    http::StatusCode,
    response::Response,
    routing::any,
};
use futures_util::{SinkExt, StreamExt};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use vestibule::config::proxy::Protocol;

use crate::{
    client::{get, request, send, send_http2},
    front::{Front, PUBLIC, TOKEN},
    stub::Stub,
};

/// A certificate authority with a file for each thing that has to be configured.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let folder = std::env::temp_dir().join(format!("vestibule-tls-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        (certificate, key)
    }

    /// A file with a certificate and its key.
    fn client_certificate(&self) -> PathBuf {
        let (certificate, key) = self.issue("vestibule");
        let file = self.folder.join("client.pem");
        fs::write(&file, format!("{}{}", certificate.pem(), key.serialize_pem())).unwrap();
        file
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// An https upstream that answers with the version, the name asked for and the credential's length.
async fn upstream(authority: &Authority, name: &str, alpn: &[&str], wants_certificate: bool) -> String {
    let (certificate, key) = authority.issue(name);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = if wants_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(authority.issuer.der().clone()).unwrap();
        builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap(),
        )
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().route("/live", any(echo)).fallback(any(|request: Request| async move {
        let host = request
            .uri()
            .host()
            .map(str::to_owned)
            .or_else(|| Some(request.headers().get("host")?.to_str().ok()?.to_owned()));
        let hosts = request.headers().get_all("host").iter().count();
        let credential = request.headers()["authorization"].to_str().unwrap().len();
        let (version, uri) = (request.version(), request.uri().path().to_owned());
        let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
        format!(
            "{version:?} {} hosts={hosts} {uri} {credential} {}",
            host.unwrap().split(':').next().unwrap(),
            body.len()
        )
    }));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, router) = (acceptor.clone(), router.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = TowerToHyperService::new(router);
                auto::Builder::new(TokioExecutor::new())
                    .serve_connection_with_upgrades(TokioIo::new(stream), service)
                    .await
                    .ok();
            });
        }
    });
    format!("https://{name}:{port}")
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            socket.send(message).await.ok();
        }
    })
}

/// A WebSocket upgrades from HTTP/1.1 also where everything else goes by HTTP/2.
#[tokio::test]
async fn carries_a_websocket_over_tls() {
    let authority = Authority::new("websocket");
    let api = upstream(&authority, "localhost", &["h2", "http/1.1"], false).await;
    let front = Front::with(&api, |setup| setup.config.ca_file = Some(authority.ca_file())).await;
    let mut request = format!("ws://{}/api/proxy/live", front.address).into_client_request().unwrap();
    request.headers_mut().insert("origin", PUBLIC.parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let message = Message::binary(vec![7; 300_000]);
    socket.send(message.clone()).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap() == message);
}

#[tokio::test]
async fn speaks_what_the_upstream_prefers() {
    let authority = Authority::new("alpn");
    let credential = "Bearer ".len() + TOKEN.len();
    for (alpn, protocol, expected) in [
        (&["http/1.1"][..], Protocol::Auto, "HTTP/1.1 localhost hosts=1"),
        (&["h2", "http/1.1"], Protocol::Auto, "HTTP/2.0 localhost hosts=0"),
        (&["h2", "http/1.1"], Protocol::Http1, "HTTP/1.1 localhost hosts=1"),
        (&["h2"], Protocol::Http2, "HTTP/2.0 localhost hosts=0"),
        (&[], Protocol::Auto, "HTTP/1.1 localhost hosts=1"),
    ] {
        let api = upstream(&authority, "localhost", alpn, false).await;
        let front = Front::with(&api, |setup| {
            (setup.config.ca_file, setup.config.protocol) = (Some(authority.ca_file()), protocol);
        })
        .await;
        for (body, length) in [("", 0), ("body", 4)] {
            let asked = request("POST", "/api/proxy/notes")
                .body(Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(body)])))
                .unwrap();
            let answer = send(front.address, asked).await;
            assert_eq!(answer.body, format!("{expected} /notes {credential} {length}"), "{alpn:?} {protocol:?}");
        }
        let answers =
            futures_util::future::join_all((0..20).map(|_| send(front.address, get("/api/proxy/notes")))).await;
        assert!(answers.iter().all(|answer| answer.body == format!("{expected} /notes {credential} 0")));
    }
}

#[tokio::test]
async fn trusts_no_certificate_but_the_right_one() {
    let (authority, other) = (Authority::new("right"), Authority::new("wrong"));
    let api = upstream(&authority, "localhost", &[], false).await;
    let foreign = Front::with(&api, |setup| setup.config.ca_file = Some(other.ca_file())).await;
    let by_address = api.replace("localhost", "127.0.0.1");
    let misnamed = Front::with(&by_address, |setup| setup.config.ca_file = Some(authority.ca_file())).await;
    for front in [foreign, misnamed] {
        let answer = send(front.address, get("/api/proxy/x")).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
        answer.problem();
    }
}

#[tokio::test]
async fn shows_its_own_certificate_where_asked() {
    let authority = Authority::new("client");
    let api = upstream(&authority, "localhost", &["h2", "http/1.1"], true).await;
    let with = Front::with(&api, |setup| {
        (setup.config.ca_file, setup.config.client_certificate) =
            (Some(authority.ca_file()), Some(authority.client_certificate()));
    })
    .await;
    assert_eq!(send(with.address, get("/api/proxy/x")).await.status, StatusCode::OK);
    let without = Front::with(&api, |setup| setup.config.ca_file = Some(authority.ca_file())).await;
    assert_eq!(send(without.address, get("/api/proxy/x")).await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn names_the_file_that_it_cannot_use() {
    use vestibule::{
        clock::Clock,
        config::ProxyConfig,
        contract::{Credential, TokenRules},
        proxy::Proxy,
        session::SessionEndNotifier,
    };
    let authority = Authority::new("files");
    let empty = authority.folder.join("empty.pem");
    fs::write(&empty, "").unwrap();
    let missing = authority.folder.join("missing.pem");
    for (ca_file, client_certificate, key) in [
        (Some(missing.clone()), None, "proxy.ca_file"),
        (Some(empty.clone()), None, "proxy.ca_file"),
        (Some(authority.ca_file()), Some(missing), "proxy.client_certificate"),
        (Some(authority.ca_file()), Some(empty), "proxy.client_certificate"),
        (Some(authority.ca_file()), Some(authority.ca_file()), "proxy.client_certificate"),
    ] {
        let config = ProxyConfig { ca_file, client_certificate, ..ProxyConfig::default() };
        let public = "https://app.example".parse().unwrap();
        let built = Proxy::new(
            &"https://localhost".parse().unwrap(),
            &config,
            Credential::Bearer,
            &TokenRules::default(),
            &public,
            Clock::system(),
            SessionEndNotifier::default(),
        );
        let error = built.unwrap_err().to_string();
        assert!(error.contains(key) && error.contains("PEM"), "{error}");
    }
}

#[tokio::test]
async fn speaks_http2_without_tls_on_both_sides() {
    let stub = Stub::answering(|seen| format!("{:?} {}", seen.version, seen.target)).await;
    let front = Front::with(&stub.url(), |setup| setup.config.protocol = Protocol::Http2).await;
    let uri = "http://app.example/api/proxy/notes?a=b";
    let answer = send_http2(front.address, request("GET", uri).body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::OK, &b"HTTP/2.0 /notes?a=b"[..]));
    assert_eq!(answer.header("via"), "2 vestibule");
    let seen = stub.one();
    assert_eq!(seen.all("authorization"), [format!("Bearer {TOKEN}")]);
    assert_eq!(seen.all("via"), ["2 vestibule"]);
}
