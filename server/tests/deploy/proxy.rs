//! Tests through each proxy: a session in five cookies, pages, streams, uploads, WebSockets, and the client's address.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Method, Response, StatusCode, Version, redirect::Policy};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    large_session::Api,
    program::Program,
    reverse_proxy::{ProxyKind, ProxySetup, ReverseProxy},
    user::{ADDRESS, User},
};

/// Larger than nginx accepts by default, and than any buffer here.
const UPLOAD: usize = 3 << 20;
/// How long a stream may take, even on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A proxy, the server behind it, and the API behind that.
struct ProxiedServer {
    proxy: ReverseProxy,
    api: Api,
    _server: Program,
}

impl ProxiedServer {
    async fn start(kind: ProxyKind, omitted: &[&str]) -> Self {
        let setup = ProxySetup::new();
        let (origin, (api, url)) = (setup.origin(), Api::start().await);
        let settings = [
            ("VESTIBULE_PUBLIC_URL", origin.as_str()),
            ("VESTIBULE_API__URL", &url),
            // The user is in the trusted network too, so only a proxy that overwrites the header reports the right address.
            ("VESTIBULE_PROXY__TRUSTED_PROXIES", "127.0.0.0/8"),
        ];
        let server = Program::with(&settings).await;
        let proxy = ReverseProxy::start(kind, setup, server.address(), omitted).await;
        Self { proxy, api, _server: server }
    }

    async fn serves(&self, http2: bool) {
        let mut ada = User::new(&self.proxy.setup, http2);
        let response = ada.log_in().await;
        assert_eq!(response.status(), StatusCode::OK, "{response:?}");
        assert_eq!(response.version() == Version::HTTP_2, http2, "{response:?}");
        let session = ada.cookies.keys().filter(|name| !name.ends_with("-known"));
        assert_eq!(session.count(), 5, "the largest possible session");

        serves_a_page(&ada).await;
        forwards_the_clients_address(&ada).await;
        accepts_an_upload(&ada).await;
        timeout(TIMEOUT, self.delivers_events_at_once(&ada)).await.unwrap_or_else(|_| panic!("events are buffered"));
        timeout(TIMEOUT, self.echoes_by_websocket(&ada)).await.unwrap_or_else(|_| panic!("messages are buffered"));

        assert_eq!(ada.log_out().await.status(), StatusCode::OK);
        assert!(ada.cookies.keys().all(|name| name.ends_with("-known")), "{:?}", ada.cookies.keys());
    }

    /// Each event is sent when the previous one has arrived: a proxy that buffers would wait forever.
    async fn delivers_events_at_once(&self, ada: &User) {
        let mut response = ada.get("/api/proxy/events").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(chunk(&mut response).await, "data: first\n\n");
        for event in ["data: second\n\n", "data: third\n\n"] {
            self.api.events.send(event).unwrap();
            assert_eq!(chunk(&mut response).await, event);
        }
    }

    async fn echoes_by_websocket(&self, ada: &User) {
        let mut socket = ada.connect(&self.proxy.setup, "/api/proxy/socket").await;
        for text in ["here", "there"] {
            socket.send(Message::text(text)).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
        }
        socket.close(None).await.unwrap();
    }
}

async fn chunk(response: &mut Response) -> String {
    String::from_utf8(response.chunk().await.unwrap().unwrap().to_vec()).unwrap()
}

async fn serves_a_page(ada: &User) {
    for request in [ada.request(Method::GET, "/"), ada.request_with_split_cookies(Method::GET, "/")] {
        let response = request.header("accept", "text/html").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{response:?}");
        assert!(response.text().await.unwrap().contains("Ada"), "logged in");
    }
}

/// The API gets the user's real address, whatever headers the user sends.
async fn forwards_the_clients_address(ada: &User) {
    let request = ada.request(Method::GET, "/api/proxy/client");
    let forged = [
        ("x-forwarded-for", "198.51.100.1"),
        ("forwarded", "for=198.51.100.2"),
        ("x-real-ip", "198.51.100.3"),
        ("x-forwarded-proto", "gopher"),
    ];
    let request = forged.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    let seen: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["for"], format!("{ADDRESS}, 127.0.0.1"));
    assert_eq!(seen["proto"], "https");
    let forwarded = seen["forwarded"].as_str().unwrap();
    assert!(forwarded.starts_with(&format!("for={ADDRESS}, for=127.0.0.1;")), "{forwarded}");
}

async fn accepts_an_upload(ada: &User) {
    let request = ada.request(Method::POST, "/api/proxy/length").body(vec![7; UPLOAD]);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{response:?}");
    assert_eq!(response.json::<usize>().await.unwrap(), UPLOAD);
}

/// Plain http redirects to https.
async fn redirects(proxy: &ReverseProxy) {
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let response = client.get(format!("http://127.0.0.1:{}/login", proxy.setup.http)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
    assert!(response.headers()["location"].to_str().unwrap().starts_with("https://127.0.0.1"), "{response:?}");
}

async fn works(kind: ProxyKind) {
    let proxied = ProxiedServer::start(kind, &[]).await;
    proxied.serves(false).await;
    proxied.serves(true).await;
    redirects(&proxied.proxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_works_behind_nginx() {
    works(ProxyKind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_works_behind_haproxy() {
    works(ProxyKind::Haproxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_works_behind_caddy() {
    works(ProxyKind::Caddy).await;
}

/// The reason for these lines in the examples.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_these_lines_a_proxy_rejects_a_large_session() {
    const RESPONSE: &[&str] = &["proxy_buffer_size", "proxy_buffers", "proxy_busy_buffers_size"];
    for (kind, omitted) in [(ProxyKind::Nginx, RESPONSE), (ProxyKind::Haproxy, &["tune.bufsize"])] {
        let proxied = ProxiedServer::start(kind, omitted).await;
        let mut ada = User::new(&proxied.proxy.setup, false);
        assert_eq!(ada.log_in().await.status(), StatusCode::BAD_GATEWAY, "{kind:?}");
    }
    let proxied = ProxiedServer::start(ProxyKind::Nginx, &["large_client_header_buffers"]).await;
    let mut ada = User::new(&proxied.proxy.setup, false);
    assert_eq!(ada.log_in().await.status(), StatusCode::OK);
    assert_eq!(ada.get("/").await.status(), StatusCode::BAD_REQUEST);
}
