//! What an upstream may do to HTTP/2, and how many streams it allows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use bytes::Bytes;
use futures_util::future::join_all;
use tokio::net::{TcpListener, TcpStream};
use vestibule::config::proxy::{Protocol, Seconds};

use crate::{
    client::{get, open, read, request, send},
    front::Front,
};

/// A front before an upstream that sends half of each answer and ends its stream as if that were all.
async fn halving(length: Option<usize>) -> Front {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut answer))) = connection.accept().await {
                    let mut head = Response::builder();
                    if let Some(length) = length {
                        head = head.header("content-length", length);
                    }
                    let mut body = answer.send_response(head.body(()).unwrap(), false).unwrap();
                    body.send_data(Bytes::from(vec![b'x'; 50]), false).unwrap();
                    tokio::spawn(async move {
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        body.send_reset(h2::Reason::NO_ERROR);
                    });
                }
            });
        }
    });
    Front::with(&api, |setup| setup.config.protocol = Protocol::Http2).await
}

/// hyper takes the end of a stream that was reset so for the end of its body.
#[tokio::test]
async fn takes_no_half_answer_for_a_whole_one() {
    let answer = send(halving(Some(100)).await.address, get("/api/proxy/x")).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(!answer.problem().is_empty());
    for length in [Some(100_000), None] {
        let answer = open(halving(length).await.address, get("/api/proxy/x")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{length:?}");
        assert!(read(answer).await.is_err(), "{length:?}");
    }
}

/// An upstream with so many streams on each connection. `/events` goes on and on, everything else is short.
struct Narrow {
    api: String,
    /// How many connections are open.
    connections: Arc<AtomicUsize>,
}

impl Narrow {
    async fn with(streams: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    count.fetch_add(1, Ordering::SeqCst);
                    serve_narrow(stream, streams).await;
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { api, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve_narrow(stream: TcpStream, streams: u32) {
    let mut builder = h2::server::Builder::new();
    let mut connection = builder.max_concurrent_streams(streams).handshake::<_, Bytes>(stream).await.unwrap();
    while let Some(Ok((request, mut answer))) = connection.accept().await {
        let is_stream = request.uri().path() == "/events";
        let kind = if is_stream { "text/event-stream" } else { "text/plain" };
        let head = Response::builder().header("content-type", kind).body(()).unwrap();
        let mut body = answer.send_response(head, false).unwrap();
        body.send_data("data: 1\n\n".into(), !is_stream).unwrap();
        if is_stream {
            tokio::spawn(async move { std::future::poll_fn(|cx| body.poll_reset(cx)).await });
        }
    }
}

fn seconds(seconds: f64) -> Seconds {
    Seconds::try_from(seconds).unwrap()
}

#[tokio::test]
async fn event_streams_stop_no_call() {
    let upstream = Narrow::with(10).await;
    let front = Front::with(&upstream.api, |setup| setup.config.protocol = Protocol::Http2).await;
    let mut streams = Vec::new();
    for number in 0..25 {
        streams.push(open(front.address, get("/api/proxy/events")).await);
        assert_eq!(send(front.address, get("/api/proxy/x")).await.status, StatusCode::OK, "{number}");
        let upload = request("POST", "/api/proxy/x").body(Body::from("hello")).unwrap();
        assert_eq!(send(front.address, upload).await.status, StatusCode::OK, "{number}");
    }
    assert_eq!(upstream.connections(), 3);
}

#[tokio::test]
async fn a_crowd_gets_more_connections_and_leaves_one() {
    let upstream = Narrow::with(10).await;
    let front = Front::with(&upstream.api, |setup| setup.config.protocol = Protocol::Http2).await;
    for _ in 0..3 {
        let calls = (0..200).map(|_| send(front.address, get("/api/proxy/x")));
        assert!(join_all(calls).await.iter().all(|answer| answer.status == StatusCode::OK));
    }
    for _ in 0..1_000 {
        if upstream.connections() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} connections are left", upstream.connections());
}

#[tokio::test]
async fn waits_for_a_stream_only_so_long() {
    let upstream = Narrow::with(2).await;
    let front = Front::with(&upstream.api, |setup| {
        (setup.config.protocol, setup.config.pool_max_http2) = (Protocol::Http2, 2);
        setup.config.connect_timeout = seconds(0.3);
    })
    .await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(open(front.address, get("/api/proxy/events")).await);
    }
    let answer = send(front.address, get("/api/proxy/x")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    answer.problem();
    assert_eq!(upstream.connections(), 2);
    streams.pop();
    for _ in 0..100 {
        if send(front.address, get("/api/proxy/x")).await.status == StatusCode::OK {
            return;
        }
    }
    panic!("the stream of a client that has gone is not given back");
}
