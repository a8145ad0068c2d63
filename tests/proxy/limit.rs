//! Limits and time-outs, and what the person reads then.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::StatusCode};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::{io::AsyncWriteExt, sync::Semaphore};
use vestibule::config::proxy::Seconds;

use crate::{
    client::{bytes, get, open, request, send, status},
    front::Front,
    stub::{BROKEN_OFF, Stub, raw, read_head},
};

fn seconds(seconds: f64) -> Seconds {
    Seconds::try_from(seconds).unwrap()
}

fn chunked(parts: &'static [&'static str]) -> Body {
    Body::from_stream(stream::iter(parts.iter().map(|part| Ok::<_, std::io::Error>(Bytes::from(*part)))))
}

#[tokio::test]
async fn limits_the_request_body() {
    let stub = Stub::start().await;
    let front = Front::with(&stub.url(), |setup| setup.config.max_request_body = 10).await;
    for (body, expected) in [
        (Body::from("1234567890"), StatusCode::OK),
        (Body::from("12345678901"), StatusCode::PAYLOAD_TOO_LARGE),
        (chunked(&["12345", "67890"]), StatusCode::OK),
        (chunked(&["12345", "67890", "1"]), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = send(front.address, request("POST", "/api/proxy/x").body(body).unwrap()).await;
        assert_eq!(answer.status, expected);
        if expected != StatusCode::OK {
            answer.problem();
        }
    }
    assert!(stub.take().iter().all(|seen| seen.body.len() <= 10 || seen.body == BROKEN_OFF));
}

#[tokio::test]
async fn limits_the_header_fields() {
    let stub = Stub::start().await;
    let front =
        Front::with(&stub.url(), |setup| (setup.config.max_header_count, setup.config.max_header_bytes) = (20, 2_000))
            .await;
    let many = (0..21).fold(request("GET", "/api/proxy/x"), |builder, index| builder.header(format!("x-{index}"), "1"));
    let long = request("GET", "/api/proxy/x").header("x-long", "x".repeat(2_000));
    for asked in [many, long] {
        let answer = send(front.address, asked.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        answer.problem();
    }
    assert!(stub.take().is_empty());
}

/// An upstream that never answers, and tells of each request that came.
async fn silent() -> (String, Arc<Semaphore>) {
    let asked = Arc::new(Semaphore::new(0));
    let notes = Arc::clone(&asked);
    let upstream = raw(move |_, mut stream| {
        let notes = Arc::clone(&notes);
        async move {
            read_head(&mut stream).await.unwrap();
            notes.add_permits(1);
            std::future::pending::<()>().await;
        }
    })
    .await;
    (format!("http://{upstream}"), asked)
}

#[tokio::test]
async fn limits_the_calls_under_way() {
    let (api, asked) = silent().await;
    let all = Front::with(&api, |setup| (setup.record, setup.config.max_concurrent) = (None, 2)).await;
    let session = Front::with(&api, |setup| setup.config.max_concurrent_per_session = 2).await;
    let address = Front::with(&api, |setup| (setup.record, setup.config.max_concurrent_per_address) = (None, 2)).await;
    for front in [all, session, address] {
        let under_way: Vec<_> = (0..2).map(|_| tokio::spawn(open(front.address, get("/api/proxy/x")))).collect();
        asked.acquire_many(2).await.unwrap().forget();
        let answer = send(front.address, get("/api/proxy/x")).await;
        assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
        answer.problem();
        for call in under_way {
            call.abort();
        }
    }
}

/// Whoever takes the share of one address leaves the others theirs; a trusted proxy is not the client.
#[tokio::test]
async fn limits_the_calls_of_each_address() {
    let (api, asked) = silent().await;
    let front = Front::with(&api, |setup| {
        (setup.record, setup.config.max_concurrent_per_address) = (None, 1);
        setup.config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    let from =
        |client: &str| request("GET", "/api/proxy/x").header("x-forwarded-for", client).body(Body::empty()).unwrap();
    let mut under_way = Vec::new();
    for (client, busy) in [
        ("192.0.2.1", false),
        ("192.0.2.1", true),
        ("192.0.2.2", false),
        ("2001:db8::1", false),
        ("2001:db8::2", true),
        ("2001:db8:0:1::1", false),
    ] {
        if busy {
            assert_eq!(send(front.address, from(client)).await.status, StatusCode::SERVICE_UNAVAILABLE, "{client}");
        } else {
            under_way.push(tokio::spawn(open(front.address, from(client))));
            asked.acquire().await.unwrap().forget();
        }
    }
    for call in under_way {
        call.abort();
    }
}

/// A permit lives as long as the answer's body, and comes back when the client goes.
#[tokio::test]
async fn gives_a_place_back_with_the_end_of_the_body() {
    let stub = Stub::answering(|_| Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>())).await;
    let front = Front::with(&stub.url(), |setup| setup.config.max_concurrent = 1).await;
    for _ in 0..3 {
        let response = open(front.address, get("/api/proxy/x")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(send(front.address, get("/api/proxy/x")).await.status, StatusCode::SERVICE_UNAVAILABLE);
        drop(response);
        served(front.address).await;
    }
}

/// Waits until a call is not refused any more.
async fn served(address: std::net::SocketAddr) {
    for _ in 0..1_000 {
        if open(address, get("/api/proxy/x")).await.status() == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no place is given back");
}

/// An upstream that answers at length.
async fn endless() -> Stub {
    let part = Bytes::from(vec![b'x'; 64 << 10]);
    Stub::answering(move |_| Body::from_stream(stream::repeat(part.clone()).map(Ok::<_, std::io::Error>))).await
}

#[tokio::test]
async fn gives_the_place_of_a_client_back_that_reads_nothing() {
    let stub = endless().await;
    let front =
        Front::with(&stub.url(), |setup| (setup.config.max_concurrent, setup.config.idle_timeout) = (1, seconds(0.5)))
            .await;
    let mut silent = tokio::net::TcpStream::connect(front.address).await.unwrap();
    let head = "GET /api/proxy/x HTTP/1.1\r\nhost: app.example\r\nsec-fetch-site: same-origin\r\n\r\n";
    silent.write_all(head.as_bytes()).await.unwrap();
    silent.readable().await.unwrap();
    served(front.address).await;
}

/// Its connection is alive: it says that this stream is to have no room.
#[tokio::test]
async fn gives_the_place_of_an_http2_stream_back_that_takes_nothing() {
    let stub = endless().await;
    let front =
        Front::with(&stub.url(), |setup| (setup.config.max_concurrent, setup.config.idle_timeout) = (1, seconds(0.5)))
            .await;
    let stream = tokio::net::TcpStream::connect(front.address).await.unwrap();
    let handshake = h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(stream).await;
    let (mut sender, connection) = handshake.unwrap();
    let connection = tokio::spawn(connection);
    let asked = request("GET", "http://app.example/api/proxy/x").body(()).unwrap();
    let answer = sender.send_request(asked, true).unwrap().0.await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    served(front.address).await;
    assert!(!connection.is_finished());
    drop(answer);
}

#[tokio::test]
async fn says_408_to_an_upload_that_trickles() {
    let stub = Stub::start().await;
    for (rate, expected) in [(1_000, StatusCode::REQUEST_TIMEOUT), (0, StatusCode::OK)] {
        let front = Front::with(&stub.url(), |setup| {
            (setup.config.idle_timeout, setup.config.min_upload_rate) = (seconds(0.3), rate);
        })
        .await;
        let slowly = stream::unfold(0, |index| async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            (index < 20).then(|| (Ok::<_, std::io::Error>(Bytes::from_static(b"x")), index + 1))
        });
        let upload = request("POST", "/api/proxy/x").body(Body::from_stream(slowly)).unwrap();
        assert_eq!(send(front.address, upload).await.status, expected, "{rate}");
    }
}

#[tokio::test]
async fn says_502_without_names_when_nobody_is_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for api in [format!("http://{address}"), "http://no-such-host.invalid".to_owned()] {
        let front = Front::to(&api).await;
        let answer = send(front.address, get("/api/proxy/x")).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
        let text = format!("{} {:?}", answer.problem(), answer.headers);
        assert!(!text.contains("invalid") && !text.contains(&address.port().to_string()), "{text}");
        assert!(!answer.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn says_502_when_the_upstream_speaks_no_http() {
    let upstream = raw(|_, mut stream| async move {
        read_head(&mut stream).await.unwrap();
        stream.write_all(b"220 mail.internal ESMTP\r\n").await.unwrap();
    })
    .await;
    let front = Front::to(&format!("http://{upstream}")).await;
    let answer = send(front.address, get("/api/proxy/x")).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(!answer.problem().contains("mail.internal"));
}

#[tokio::test]
async fn says_504_when_an_answer_does_not_begin() {
    let upstream = raw(|_, mut stream| async move {
        read_head(&mut stream).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let front =
        Front::with(&format!("http://{upstream}"), |setup| setup.config.first_byte_timeout = seconds(0.1)).await;
    let upload = request("POST", "/api/proxy/x").body(chunked(&["all", "of", "it"])).unwrap();
    for asked in [get("/api/proxy/x"), upload] {
        let answer = send(front.address, asked).await;
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
        answer.problem();
    }
}

/// The time for the first byte counts from the end of the upload, however long that takes.
#[tokio::test]
async fn counts_no_upload_as_waiting() {
    let stub = Stub::start().await;
    let front = Front::with(&stub.url(), |setup| {
        (setup.config.first_byte_timeout, setup.config.idle_timeout) = (seconds(0.3), seconds(0.3));
        setup.config.min_upload_rate = 10;
    })
    .await;
    let slowly = stream::unfold(0, |index| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        (index < 8).then(|| (Ok::<_, std::io::Error>(Bytes::from_static(b"part")), index + 1))
    });
    let answer = send(front.address, request("POST", "/api/proxy/x").body(Body::from_stream(slowly)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(stub.one().body.len(), 32);
}

#[tokio::test]
async fn says_408_when_the_client_stops_sending() {
    let stub = Stub::start().await;
    let front = Front::with(&stub.url(), |setup| setup.config.idle_timeout = seconds(0.1)).await;
    for (method, length) in [("POST", 10), ("PUT", 10)] {
        let text = format!(
            "{method} /api/proxy/x HTTP/1.1\r\nhost: app.example\r\nsec-fetch-site: same-origin\r\nconnection: close\r\ncontent-length: {length}\r\n\r\nhalf"
        );
        let answer = bytes(front.address, text.as_bytes()).await;
        assert_eq!(status(&answer), 408, "{method}: {answer}");
    }
}

#[tokio::test]
async fn cuts_an_answer_that_stands_still_but_no_event_stream() {
    let upstream = raw(|_, mut stream| async move {
        let head = read_head(&mut stream).await.unwrap();
        let kind = if head.starts_with("GET /events") { "text/event-stream" } else { "text/plain" };
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        stream.write_all(b"4\r\nmore\r\n0\r\n\r\n").await.ok();
    })
    .await;
    let front = Front::with(&format!("http://{upstream}"), |setup| setup.config.idle_timeout = seconds(0.1)).await;
    let response = open(front.address, get("/api/proxy/plain")).await;
    assert!(crate::client::read(response).await.is_err());
    assert_eq!(send(front.address, get("/api/proxy/events")).await.body, "halfmore");
    let front =
        Front::with(&format!("http://{upstream}"), |setup| setup.config.stream_idle_timeout = seconds(0.1)).await;
    let response = open(front.address, get("/api/proxy/events")).await;
    assert!(crate::client::read(response).await.is_err());
}

/// A host that swallows packets: 192.0.2.0/24 is for documentation and leads nowhere (RFC 5737).
#[tokio::test]
async fn gives_up_connecting() {
    let front = Front::with("http://192.0.2.1:9", |setup| setup.config.connect_timeout = seconds(0.2)).await;
    let answer = send(front.address, get("/api/proxy/x")).await;
    // Without a route to anywhere the system says so at once.
    assert!(matches!(answer.status, StatusCode::GATEWAY_TIMEOUT | StatusCode::BAD_GATEWAY));
    assert!(!answer.problem().contains("192.0.2"));
}

#[tokio::test]
async fn wants_the_configured_header_for_changes() {
    let stub = Stub::start().await;
    let front = Front::with(&stub.url(), |setup| {
        setup.config.required_header = Some("x-csrf: 1".to_owned().try_into().unwrap());
    })
    .await;
    for (method, value, expected) in [
        ("GET", None, 200),
        ("POST", None, 403),
        ("POST", Some("2"), 403),
        ("POST", Some("1"), 200),
        ("DELETE", Some("1"), 200),
    ] {
        let mut asked = request(method, "/api/proxy/x");
        if let Some(value) = value {
            asked = asked.header("x-csrf", value);
        }
        let answer = send(front.address, asked.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status.as_u16(), expected, "{method} {value:?}");
    }
}
