//! Upstreams to stand behind the proxy.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, Method, Version},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What is noted as the body of an upload that broke off.
pub const BROKEN_OFF: &[u8] = b"(broken off)";

/// One request as the upstream got it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub target: String,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

impl Seen {
    /// All values of a field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }
}

/// An HTTP upstream that notes what it gets. Its server ends with the test's runtime.
#[derive(Clone)]
pub struct Stub {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    /// Answers everything with what `answer` makes of it.
    pub async fn answering<A, R>(answer: A) -> Self
    where
        A: Fn(Seen) -> R + Clone + Send + Sync + 'static,
        R: IntoResponse,
    {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let notes = Arc::clone(&seen);
        let handler = move |request: Request| {
            let (notes, answer) = (Arc::clone(&notes), answer.clone());
            async move {
                let it = note(request).await;
                notes.lock().unwrap().push(it.clone());
                answer(it).into_response()
            }
        };
        let mut stub = Self::serving(Router::new().fallback(handler)).await;
        stub.seen = seen;
        stub
    }

    /// Answers everything with an empty 200.
    pub async fn start() -> Self {
        Self::answering(|_| ()).await
    }

    /// Serves a router, without notes.
    pub async fn serving(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stub = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        stub
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came, and forgets it.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The one request that came.
    pub fn one(&self) -> Seen {
        let mut seen = self.take();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

async fn note(request: Request) -> Seen {
    let (parts, body) = request.into_parts();
    // An upload that breaks off is noted with what came of it.
    let (trailers, body) = match body.collect().await {
        Ok(collected) => (collected.trailers().cloned(), collected.to_bytes()),
        Err(_) => (None, Bytes::from_static(BROKEN_OFF)),
    };
    let target = parts.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
    Seen { method: parts.method, target, version: parts.version, headers: parts.headers, body, trailers }
}

/// An answer with these fields.
pub fn with(fields: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder();
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

/// An upstream of plain bytes: `handle` gets each connection with its number.
pub async fn raw<H, F>(handle: H) -> SocketAddr
where
    H: Fn(usize, TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(handle(number, stream));
            number += 1;
        }
    });
    address
}

/// Reads up to the end of a request's head; `None` when the connection ends before.
pub async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.ok()?;
        head.push(byte);
    }
    Some(String::from_utf8(head).unwrap())
}

/// Answers 200 with a short body, as often as asked.
pub async fn answer_all(mut stream: TcpStream, limit: usize) {
    for _ in 0..limit {
        if read_head(&mut stream).await.is_none() {
            return;
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}
