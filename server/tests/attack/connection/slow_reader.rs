//! Clients that do not read the responses to their requests.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{State, WebSocketUpgrade, ws::Message},
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::{StreamExt, future::join_all, stream};
use tokio::{io::AsyncWriteExt, sync::mpsc};

use super::socket::{TIMEOUT, connect_narrow, get, http2, is_served, rest};
use crate::{api, program::Program, support::stub::Stub};

/// The number of responses that the API has started, and of those that have ended.
#[derive(Clone, Default)]
struct ResponseCounts(Arc<(AtomicUsize, AtomicUsize)>);

struct ActiveResponse(ResponseCounts);

impl ResponseCounts {
    fn start(&self) -> ActiveResponse {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        ActiveResponse(self.clone())
    }

    /// Waits until at least `count` have started and all of them have ended.
    async fn wait_until_ended(&self, count: usize) {
        let done = async {
            loop {
                let (started, ended) = (self.0.0.load(Ordering::SeqCst), self.0.1.load(Ordering::SeqCst));
                if started >= count && started == ended {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(TIMEOUT, done).await.unwrap();
    }
}

impl Drop for ActiveResponse {
    fn drop(&mut self) {
        self.0.0.1.fetch_add(1, Ordering::SeqCst);
    }
}

async fn endless(State(counts): State<ResponseCounts>) -> Response {
    let active = counts.start();
    let chunks = stream::repeat_with(move || {
        let _ = &active;
        Ok::<_, Infallible>(Bytes::from(vec![b'x'; 16 << 10]))
    });
    Body::from_stream(chunks).into_response()
}

async fn endless_messages(State(counts): State<ResponseCounts>, upgrade: WebSocketUpgrade) -> Response {
    let active = counts.start();
    upgrade.on_upgrade(move |mut socket| async move {
        let _active = active;
        while socket.send(Message::Binary(vec![0; 16 << 10].into())).await.is_ok() {}
    })
}

async fn start() -> (ResponseCounts, Program) {
    let counts = ResponseCounts::default();
    let router =
        Router::new().route("/socket", any(endless_messages)).fallback(any(endless)).with_state(counts.clone());
    let url = api::serve(router).await;
    let limits = [
        ("VESTIBULE_API__URL", url.as_str()),
        ("VESTIBULE_SERVER__WRITE_TIMEOUT", "1"),
        ("VESTIBULE_SERVER__HEADER_TIMEOUT", "1"),
        ("VESTIBULE_SERVER__BODY_TIMEOUT", "1"),
    ];
    (counts, Program::with(&limits).await)
}

#[tokio::test]
async fn requests_large_responses_and_reads_nothing() {
    let (counts, server) = start().await;
    let request = format!("GET /api/proxy/large HTTP/1.1\r\nhost: {}\r\n\r\n", server.address());
    let readers = join_all((0..40).map(async |_| {
        let mut socket = connect_narrow(&server).await;
        socket.write_all(request.as_bytes()).await.unwrap();
        socket
    }));
    let sockets = readers.await;
    assert!(is_served(&server, "127.0.0.2").await);
    counts.wait_until_ended(40).await;
    for mut socket in sockets {
        rest(&mut socket).await;
    }
}

#[tokio::test]
async fn requests_page_after_page_and_reads_none() {
    let (_, server) = start().await;
    let request = format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", server.address());
    let mut socket = connect_narrow(&server).await;
    // Pipelined, until the server stops reading.
    let requests = async { while socket.write_all(request.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(TIMEOUT, requests).await.unwrap();
}

#[tokio::test]
async fn keeps_the_windows_of_its_streams_shut() {
    let (counts, server) = start().await;
    let client = http2(&server, 0).await;
    let streams = (0..40).map(|number| {
        let (mut client, server) = (client.clone(), &server);
        async move {
            let path = if number < 20 { "/api/proxy/large" } else { "/" };
            let (response, _) = client.send_request(get(server, path), true).unwrap();
            let mut body = response.await.unwrap().into_body();
            tokio::time::timeout(TIMEOUT, body.data()).await.unwrap().unwrap().unwrap_err()
        }
    });
    let (errors, ()) = tokio::join!(join_all(streams), counts.wait_until_ended(20));
    assert!(errors.iter().all(h2::Error::is_reset), "{errors:?}");
}

#[tokio::test]
async fn opens_a_websocket_and_reads_nothing() {
    let (counts, server) = start().await;
    let request = format!(
        "GET /api/proxy/socket HTTP/1.1\r\nhost: {}\r\norigin: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address(),
        server.origin
    );
    let mut socket = connect_narrow(&server).await;
    socket.write_all(request.as_bytes()).await.unwrap();
    counts.wait_until_ended(1).await;
    assert!(rest(&mut socket).await.starts_with("HTTP/1.1 101"));
}

/// Silence is not an error while there is no event to send.
#[tokio::test]
async fn an_event_stream_may_be_silent_for_longer_than_any_limit() {
    let stub = Stub::start().await;
    let server = Program::with(&[
        ("VESTIBULE_API__URL", &stub.url()),
        ("VESTIBULE_SERVER__WRITE_TIMEOUT", "0.3"),
        ("VESTIBULE_SERVER__HEADER_TIMEOUT", "0.3"),
        ("VESTIBULE_SERVER__BODY_TIMEOUT", "0.3"),
    ])
    .await;
    let ada = server.logged_in("ada@example.com").await;
    let (feed, events) = mpsc::channel(1);
    stub.memory().feed = Some(events);
    let request = ada.request(reqwest::Method::GET, "/api/proxy/events");
    let mut response = request.send().await.unwrap().bytes_stream();
    assert!(response.next().await.unwrap().unwrap().starts_with(b"data: ada@"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    feed.send("data: late\n\n").await.unwrap();
    assert_eq!(response.next().await.unwrap().unwrap(), "data: late\n\n");
}
