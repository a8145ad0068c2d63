//! Connections used again, and what happens when the upstream closes one just then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, http::StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vestibule::config::proxy::Seconds;

use crate::{
    client::{get, request, send},
    front::Front,
    stub::{answer_all, raw, read_head},
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Counts the connections to an upstream that does with each what `handle` does.
async fn counted<H, F>(handle: H) -> (String, Arc<AtomicUsize>)
where
    H: Fn(usize, tokio::net::TcpStream) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let address = raw(move |number, stream| {
        counter.fetch_add(1, Ordering::SeqCst);
        handle(number, stream)
    })
    .await;
    (format!("http://{address}"), count)
}

#[tokio::test]
async fn uses_one_connection_for_calls_one_after_the_other() {
    let (api, count) = counted(|_, stream| answer_all(stream, usize::MAX)).await;
    let front = Front::to(&api).await;
    for method in ["GET", "POST", "DELETE", "PATCH"].iter().cycle().take(40) {
        let answer = send(front.address, request(method, "/api/proxy/x").body(Body::empty()).unwrap()).await;
        assert_eq!(answer.body, "ok");
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn keeps_no_connection_longer_than_either_side_allows() {
    for (fields, lifetime) in [("", 0.05), ("keep-alive: timeout=1\r\n", 4.0)] {
        let (api, count) = counted(move |_, mut stream| async move {
            while read_head(&mut stream).await.is_some() {
                let answer = format!("HTTP/1.1 200 OK\r\n{fields}content-length: 2\r\n\r\nok");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await;
        let front =
            Front::with(&api, |setup| setup.config.pool_idle_timeout = Seconds::try_from(lifetime).unwrap()).await;
        for _ in 0..3 {
            assert_eq!(send(front.address, get("/api/proxy/x")).await.status, StatusCode::OK);
            tokio::time::sleep(Duration::from_millis(80)).await;
        }
        assert_eq!(count.load(Ordering::SeqCst), 3, "{fields}");
    }
}

/// An upstream that closes each connection after a few answers, without a word, while the client
/// keeps asking: whatever the moment, nobody sees it.
#[tokio::test]
async fn hides_closed_connections_from_repeatable_calls() {
    let (api, count) = counted(|number, stream| answer_all(stream, 1 + number % 7)).await;
    let front = Front::to(&api).await;
    let calls = (0..8).map(|_| {
        let address = front.address;
        tokio::spawn(async move {
            for _ in 0..250 {
                assert_eq!(send(address, get("/api/proxy/x")).await.status, StatusCode::OK);
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert!(count.load(Ordering::SeqCst) > 200);
}

/// Reads a request and closes: the client cannot know whether it was acted upon.
async fn close_after_reading(mut stream: tokio::net::TcpStream, asked: Arc<AtomicUsize>) {
    // The first call makes the connection one of the pool.
    read_head(&mut stream).await.unwrap();
    stream.write_all(OK).await.unwrap();
    if read_head(&mut stream).await.is_some() {
        asked.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn repeats_what_may_have_been_done_only_when_that_changes_nothing() {
    for (method, body, repeated) in [
        ("GET", "", true),
        ("HEAD", "", true),
        ("OPTIONS", "", true),
        ("DELETE", "", true),
        ("PUT", "body", true),
        ("POST", "", false),
        ("POST", "body", false),
        ("PATCH", "body", false),
        ("LOCK", "", false),
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let (api, count) = counted(move |number, mut stream| {
            let counter = Arc::clone(&counter);
            async move {
                if number == 0 {
                    return close_after_reading(stream, counter).await;
                }
                let head = read_head(&mut stream).await.unwrap();
                if head.contains("content-length: 4\r\n") {
                    let mut body = [0; 4];
                    stream.read_exact(&mut body).await.unwrap();
                    assert_eq!(&body, b"body");
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
        })
        .await;
        let front = Front::to(&api).await;
        assert_eq!(send(front.address, get("/api/proxy/x")).await.status, StatusCode::OK);
        let answer = send(front.address, request(method, "/api/proxy/x").body(Body::from(body)).unwrap()).await;
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{method}");
        let expected = if repeated { (StatusCode::OK, 2) } else { (StatusCode::BAD_GATEWAY, 1) };
        assert_eq!((answer.status, count.load(Ordering::SeqCst)), expected, "{method} {body:?}");
    }
}

/// A connection found closed before anything was written: any call goes elsewhere.
#[tokio::test]
async fn sends_anything_again_that_was_never_sent() {
    let (api, count) = counted(|_, stream| answer_all(stream, 1)).await;
    let front = Front::to(&api).await;
    for number in 1..=50 {
        let answer = send(front.address, request("POST", "/api/proxy/x").body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, count.load(Ordering::SeqCst)), (StatusCode::OK, number));
        // The close arrives: the pool's connection knows of it.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Like Node.js, but faster: idle connections are closed after 60 ms, in the midst of calls at all
/// intervals around that.
#[tokio::test]
async fn survives_an_upstream_with_a_short_keep_alive() {
    let limit = Duration::from_millis(60);
    let (api, count) = counted(move |_, mut stream| async move {
        // As with Node.js, the limit is for a connection that has served.
        let mut head = read_head(&mut stream).await;
        while head.is_some() {
            stream.write_all(OK).await.unwrap();
            head = tokio::time::timeout(limit, read_head(&mut stream)).await.unwrap_or(None);
        }
    })
    .await;
    let front = Front::with(&api, |setup| setup.config.pool_idle_timeout = Seconds::try_from(0.2).unwrap()).await;
    let calls = (0..32_u64).map(|worker| {
        let address = front.address;
        tokio::spawn(async move {
            for round in 0..60_u64 {
                let answer = send(address, get("/api/proxy/x")).await;
                assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
                // Around the limit from both sides, to the fraction of a millisecond.
                tokio::time::sleep(Duration::from_micros(55_000 + (worker * 61 + round * 17) * 4 % 10_000)).await;
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert!(count.load(Ordering::SeqCst) > 32);
}

#[tokio::test]
async fn keeps_pools_apart_and_limits_together() {
    let (api, count) = counted(|_, stream| answer_all(stream, usize::MAX)).await;
    let one = Front::with(&api, |setup| setup.config.max_concurrent = 1).await;
    let other = one.with_own_pool().await;
    for front in [&one, &other, &one, &other] {
        assert_eq!(send(front.address, get("/api/proxy/x")).await.status, StatusCode::OK);
    }
    assert_eq!(count.load(Ordering::SeqCst), 2);
}
