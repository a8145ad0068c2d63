//! A user at 127.0.0.2, an address that no proxy here has, with a browser that trusts the test's authority.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use reqwest::{
    Client, Method, RequestBuilder, Response,
    header::{COOKIE, HeaderMap, SET_COOKIE},
    redirect::Policy,
};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::client::IntoClientRequest};

use crate::{reverse_proxy::ProxySetup, support::stub::PASSWORD};

pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

pub struct User {
    client: Client,
    origin: String,
    pub cookies: BTreeMap<String, String>,
}

impl User {
    /// A user whose browser supports HTTP/2, or only HTTP/1.1.
    pub fn new(setup: &ProxySetup, http2: bool) -> Self {
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .local_address(Some(ADDRESS.into()))
            .redirect(Policy::none())
            .no_proxy()
            .tls_certs_only([setup.authority.reqwest()])
            // Browsers take 256 KB.
            .http2_max_header_list_size(256 * 1024);
        let client = if http2 { client } else { client.http1_only() };
        Self { client: client.build().unwrap(), origin: setup.origin(), cookies: BTreeMap::new() }
    }

    /// A request from a script of the page.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.plain(method, path);
        if self.cookies.is_empty() { request } else { request.header(COOKIE, self.pairs().join("; ")) }
    }

    /// The same with each cookie in its own header, as browsers do over HTTP/2.
    pub fn request_with_split_cookies(&self, method: Method, path: &str) -> RequestBuilder {
        self.pairs().into_iter().fold(self.plain(method, path), |request, pair| request.header(COOKIE, pair))
    }

    fn plain(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin)).header("origin", &self.origin)
    }

    fn pairs(&self) -> Vec<String> {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub async fn log_in(&mut self) -> Response {
        let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("return_to", "/")];
        self.post_form("/api/login", &fields).await
    }

    pub async fn log_out(&mut self) -> Response {
        self.post_form("/api/logout", &[]).await
    }

    async fn post_form(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let response = self.request(Method::POST, path).form(fields).send().await.unwrap();
        self.keep_cookies(response.headers());
        response
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for value in headers.get_all(SET_COOKIE) {
            let cookie = cookie::Cookie::parse(value.to_str().unwrap().to_owned()).unwrap();
            if cookie.max_age() == Some(cookie::time::Duration::ZERO) {
                self.cookies.remove(cookie.name());
            } else {
                self.cookies.insert(cookie.name().into(), cookie.value().into());
            }
        }
    }

    /// A WebSocket with the session's cookies.
    pub async fn connect(&self, setup: &ProxySetup, path: &str) -> WebSocketStream<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ADDRESS, 0).into()).unwrap();
        let stream = socket.connect((Ipv4Addr::LOCALHOST, setup.https).into()).await.unwrap();
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let stream = TlsConnector::from(Arc::new(setup.authority.rustls())).connect(name, stream).await.unwrap();
        let mut request = format!("wss://127.0.0.1:{}{path}", setup.https).into_client_request().unwrap();
        request.headers_mut().insert("origin", self.origin.parse().unwrap());
        request.headers_mut().insert("cookie", self.pairs().join("; ").parse().unwrap());
        client_async(request, stream).await.unwrap().0
    }
}
