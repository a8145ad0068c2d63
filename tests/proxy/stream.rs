//! Streams: events as they happen, back-pressure, cancelling.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, response::Response, routing::any};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    client::{get, open, request},
    front::{Front, REFRESH},
    stub::{Stub, raw, read_head},
};

/// Long enough for anything that happens, short enough for a test that fails.
const SOON: Duration = Duration::from_secs(10);

/// An upstream with an event stream that is fed by a channel.
async fn events() -> (Stub, mpsc::Sender<&'static str>) {
    let (feed, events) = mpsc::channel::<&'static str>(1);
    let events = Arc::new(tokio::sync::Mutex::new(events));
    let handler = move || {
        let events = Arc::clone(&events);
        async move {
            let body = stream::unfold(events, |events| async move {
                let event = events.lock().await.recv().await?;
                Some((Ok::<_, std::io::Error>(Bytes::from(event)), events))
            });
            Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(body)).unwrap()
        }
    };
    (Stub::serving(Router::new().fallback(any(handler))).await, feed)
}

/// Each event is read before the next one is sent: nothing waits for more.
#[tokio::test]
async fn passes_each_event_as_it_comes() {
    let (stub, feed) = events().await;
    let front = Front::to(&stub.url()).await;
    let response = open(front.address, get("/api/proxy/events")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    for event in ["data: one\n\n", ": ping\n\n", "data: {\"eyJ\":1}\n\n"] {
        feed.send(event).await.unwrap();
        let frame = timeout(SOON, body.frame()).await.unwrap().unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), event);
    }
    // What may be the beginning of the token waits for what follows, and no longer.
    let beginning = &REFRESH[REFRESH.len() - 32..][..5];
    feed.send(beginning).await.unwrap();
    feed.send("\n\n").await.unwrap();
    let frame = timeout(SOON, body.frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), format!("{beginning}\n\n"));
}

#[tokio::test]
async fn closes_the_upstreams_connection_when_the_client_goes() {
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(std::sync::Mutex::new(Some(tell)));
    let upstream = raw(move |_, mut stream| {
        let tell = Arc::clone(&tell);
        async move {
            read_head(&mut stream).await.unwrap();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(format!("{head}6\r\ndata:x\r\n").as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            let tell = tell.lock().unwrap().take();
            tell.unwrap().send(()).unwrap();
        }
    })
    .await;
    let front = Front::to(&format!("http://{upstream}")).await;
    let mut body = open(front.address, get("/api/proxy/events")).await.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    timeout(SOON, told).await.unwrap().unwrap();
}

/// A call that has no answer yet is cancelled as well.
#[tokio::test]
async fn cancels_a_call_that_waits_for_its_answer() {
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(std::sync::Mutex::new(Some(tell)));
    let upstream = raw(move |_, mut stream| {
        let tell = Arc::clone(&tell);
        async move {
            read_head(&mut stream).await.unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            let tell = tell.lock().unwrap().take();
            tell.unwrap().send(()).unwrap();
        }
    })
    .await;
    let front = Front::to(&format!("http://{upstream}")).await;
    let mut client = TcpStream::connect(front.address).await.unwrap();
    client.write_all(b"GET /api/proxy/slow HTTP/1.1\r\nhost: app.example\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(client);
    timeout(SOON, told).await.unwrap().unwrap();
}

/// How much is let through while nobody reads: what the sockets and a few buffers hold.
const HELD: usize = 24 << 20;

/// A body of 1 GiB that counts how much of it was taken.
fn endless(taken: &Arc<AtomicUsize>) -> Body {
    let (taken, chunk) = (Arc::clone(taken), Bytes::from(vec![b'x'; 64 << 10]));
    Body::from_stream(stream::repeat(chunk).take(1 << 14).map(move |chunk| {
        taken.fetch_add(chunk.len(), Ordering::Relaxed);
        Ok::<_, std::io::Error>(chunk)
    }))
}

/// Waits until nothing more is taken, and says how much was.
async fn settled(taken: &AtomicUsize) -> usize {
    let mut before = usize::MAX;
    for _ in 0..200 {
        let now = taken.load(Ordering::Relaxed);
        if now == before && now > 0 {
            return now;
        }
        before = now;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    before
}

#[tokio::test]
async fn takes_no_more_of_an_answer_than_the_client_reads() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let stub = Stub::answering(move |_| endless(&counted)).await;
    let front = Front::to(&stub.url()).await;
    let _response = open(front.address, get("/api/proxy/big")).await;
    assert!(settled(&taken).await < HELD);
}

#[tokio::test]
async fn takes_no_more_of_an_upload_than_the_upstream_reads() {
    let upstream = raw(|_, mut stream| async move {
        read_head(&mut stream).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let front = Front::to(&format!("http://{upstream}")).await;
    let taken = Arc::new(AtomicUsize::new(0));
    let upload = request("POST", "/api/proxy/big").body(endless(&taken)).unwrap();
    let sending = tokio::spawn(open(front.address, upload));
    assert!(settled(&taken).await < HELD);
    sending.abort();
}

/// Both directions at once, as a call of gRPC or an echo does.
#[tokio::test]
async fn passes_both_directions_at_once() {
    let stub =
        Stub::serving(Router::new().fallback(any(|request: axum::extract::Request| async { request.into_body() })))
            .await;
    let front = Front::to(&stub.url()).await;
    let (feed, parts) = mpsc::channel::<&'static str>(1);
    let parts = stream::unfold(parts, |mut parts| async move {
        Some((Ok::<_, std::io::Error>(Bytes::from(parts.recv().await?)), parts))
    });
    feed.send("first").await.unwrap();
    let response =
        open(front.address, request("POST", "/api/proxy/echo").body(Body::from_stream(parts)).unwrap()).await;
    let mut body = response.into_body();
    for part in ["first", "second", "third"] {
        if part != "first" {
            feed.send(part).await.unwrap();
        }
        let frame = timeout(SOON, body.frame()).await.unwrap().unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), part);
    }
    drop(feed);
    assert!(timeout(SOON, body.frame()).await.unwrap().is_none());
}
