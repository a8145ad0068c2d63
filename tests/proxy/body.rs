//! Bodies: byte for byte, both ways, with trailers and `Expect`.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    client::{bytes, get, request, send, status},
    front::Front,
    stub::{Seen, Stub, raw, read_head, with},
};

/// Bytes that do not repeat within a chunk.
fn pattern(length: usize) -> Bytes {
    (0..length).map(|index| u8::try_from((index * 31 + index / 251) % 256).unwrap()).collect::<Vec<_>>().into()
}

/// A body without a known length.
fn chunked(parts: Vec<Bytes>) -> Body {
    Body::from_stream(stream::iter(parts.into_iter().map(Ok::<_, std::io::Error>)))
}

#[tokio::test]
async fn passes_bodies_of_any_size_and_framing() {
    let stub = Stub::answering(|seen: Seen| chunked(vec![seen.body])).await;
    let front = Front::to(&stub.url()).await;
    for length in [0, 1, 100, 8_192, 65_535, 65_536, 65_537, 1 << 20, 5_000_000] {
        let body = pattern(length);
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let answer =
                send(front.address, request(method, "/api/proxy/x").body(Body::from(body.clone())).unwrap()).await;
            assert_eq!(answer.body, body, "{method} {length}");
            let seen = stub.one();
            assert_eq!(seen.body, body);
            if length > 0 {
                assert_eq!(seen.all("content-length"), [length.to_string()]);
                assert!(seen.all("transfer-encoding").is_empty());
            }
        }
        let halves = vec![body.slice(..length / 2), body.slice(length / 2..)];
        let answer = send(front.address, request("POST", "/api/proxy/x").body(chunked(halves)).unwrap()).await;
        assert_eq!(answer.body, body, "chunked {length}");
        let seen = stub.one();
        assert_eq!((seen.all("transfer-encoding"), seen.all("content-length")), (vec!["chunked"], vec![]));
    }
}

#[tokio::test]
async fn passes_the_body_of_any_method() {
    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    for method in ["GET", "DELETE", "OPTIONS", "QUERY"] {
        let chunked = format!(
            "{method} /api/proxy/x HTTP/1.1\r\nhost: app.example\r\nsec-fetch-site: same-origin\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
        );
        assert_eq!(status(&bytes(front.address, chunked.as_bytes()).await), 200);
        assert_eq!(stub.one().body, "body", "{method}");
    }
}

/// Of two lengths in one request the chunked one counts, and the other goes (RFC 9112 §6.1).
#[tokio::test]
async fn lets_no_second_length_through() {
    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    for (fields, expected) in [
        ("content-length: 3\r\ntransfer-encoding: chunked\r\n", &[200, 400][..]),
        ("transfer-encoding: chunked\r\ncontent-length: 3\r\n", &[200, 400]),
        ("transfer-encoding: chunked\r\ncontent_length: 3\r\n", &[200]),
        ("content-length: 3\r\ncontent-length: 4\r\n", &[400]),
        ("transfer-encoding: xchunked\r\n", &[400]),
    ] {
        let text = format!(
            "POST /api/proxy/x HTTP/1.1\r\nhost: app.example\r\nsec-fetch-site: same-origin\r\nconnection: close\r\n{fields}\r\n4\r\nbody\r\n0\r\n\r\n"
        );
        let answer = bytes(front.address, text.as_bytes()).await;
        assert!(expected.contains(&status(&answer)), "{fields}: {answer}");
        for seen in stub.take() {
            assert_eq!(seen.body, "body");
            assert!(seen.all("content-length").is_empty() && seen.all("content_length").is_empty(), "{fields}");
        }
    }
}

#[tokio::test]
async fn leaves_encoded_content_as_it_is() {
    let deflated = miniz_oxide::deflate::compress_to_vec(b"some text", 6);
    let gzip = Bytes::from([b"\x1f\x8b\x08\0\0\0\0\0\0\x03", deflated.as_slice(), &[0; 8]].concat());
    let sent = gzip.clone();
    let stub = Stub::answering(move |_| with(&[("content-encoding", "gzip"), ("etag", "W/\"1\"")], sent.clone())).await;
    let front = Front::to(&stub.url()).await;
    let asked =
        request("POST", "/api/proxy/x").header("content-encoding", "br").header("accept-encoding", "gzip, br;q=0.5");
    let answer = send(front.address, asked.body(Body::from("br bytes")).unwrap()).await;
    assert_eq!((answer.header("content-encoding"), &answer.body), ("gzip", &gzip));
    let seen = stub.one();
    assert_eq!(
        (seen.all("content-encoding"), seen.all("accept-encoding"), &seen.body),
        (vec!["br"], vec!["gzip, br;q=0.5"], &Bytes::from("br bytes"))
    );
}

#[tokio::test]
async fn passes_ranges_and_conditions() {
    let stub = Stub::answering(|_| {
        let fields = [
            ("content-range", "bytes 2-4/10"),
            ("accept-ranges", "bytes"),
            ("etag", "\"1\""),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ];
        (StatusCode::PARTIAL_CONTENT, fields, "234")
    })
    .await;
    let front = Front::to(&stub.url()).await;
    let asked = [("range", "bytes=2-4"), ("if-range", "\"1\""), ("if-none-match", "\"0\""), ("if-match", "*")];
    let mut builder = request("GET", "/api/proxy/file");
    for (name, value) in asked {
        builder = builder.header(name, value);
    }
    let answer = send(front.address, builder.body(Body::empty()).unwrap()).await;
    let seen = stub.one();
    for (name, value) in asked {
        assert_eq!(seen.all(name), [value]);
    }
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(
        (answer.header("content-range"), answer.header("etag"), answer.body.as_ref()),
        ("bytes 2-4/10", "\"1\"", &b"234"[..])
    );
}

fn with_trailers(data: &'static str, name: &'static str) -> Body {
    let mut trailers = HeaderMap::new();
    trailers.insert(name, HeaderValue::from_static("the end"));
    let frames = [Frame::data(Bytes::from_static(data.as_bytes())), Frame::trailers(trailers)];
    Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, std::io::Error>))))
}

#[tokio::test]
async fn passes_trailers_both_ways() {
    let stub = Stub::answering(|_| {
        Response::builder().header("trailer", "x-sum").body(with_trailers("data", "x-sum")).unwrap()
    })
    .await;
    let front = Front::to(&stub.url()).await;
    let asked = request("POST", "/api/proxy/x").header("te", "trailers").header("trailer", "x-checksum");
    let answer = send(front.address, asked.body(with_trailers("body", "x-checksum")).unwrap()).await;
    assert_eq!(answer.body, "data");
    assert_eq!(answer.trailers.unwrap()["x-sum"], "the end");
    let seen = stub.one();
    assert_eq!(
        (seen.all("te"), seen.all("trailer"), &seen.body),
        (vec!["trailers"], vec!["x-checksum"], &Bytes::from("body"))
    );
    assert_eq!(seen.trailers.unwrap()["x-checksum"], "the end");
}

#[tokio::test]
async fn asks_the_upstream_before_the_client_sends() {
    let upstream = raw(|_, mut stream| async move {
        let head = read_head(&mut stream).await.unwrap();
        assert!(head.contains("expect: 100-continue\r\n"), "{head}");
        if head.starts_with("POST /no") {
            stream.write_all(b"HTTP/1.1 417 Expectation Failed\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.ok();
            assert!(rest.is_empty(), "the body came unasked");
            return;
        }
        // Other informational answers are not the one that is waited for.
        stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        let mut body = [0; 4];
        stream.read_exact(&mut body).await.unwrap();
        assert_eq!(&body, b"body");
        stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    })
    .await;
    let front = Front::to(&format!("http://{upstream}")).await;
    let head = |path: &str| {
        format!(
            "POST /api/proxy{path} HTTP/1.1\r\nhost: app.example\r\nsec-fetch-site: same-origin\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n"
        )
    };

    let mut client = tokio::net::TcpStream::connect(front.address).await.unwrap();
    client.write_all(head("/yes").as_bytes()).await.unwrap();
    assert_eq!(read_head(&mut client).await.unwrap(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"body").await.unwrap();
    assert!(read_head(&mut client).await.unwrap().starts_with("HTTP/1.1 201 Created\r\n"));

    let refused = bytes(front.address, head("/no").as_bytes()).await;
    assert_eq!(status(&refused), 417, "{refused}");
    assert!(refused.ends_with("\r\n\r\nno"), "{refused}");
}

/// An upstream may not know `Expect` at all: the body then goes after a while.
#[tokio::test]
async fn waits_for_no_upstream_that_says_nothing() {
    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    let asked = request("POST", "/api/proxy/x").header("expect", "100-continue");
    assert_eq!(send(front.address, asked.body(Body::from("body")).unwrap()).await.status, StatusCode::OK);
    assert_eq!(stub.one().body, "body");
    let silent = raw(|_, mut stream| async move {
        read_head(&mut stream).await.unwrap();
        let mut body = [0; 4];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let front = Front::to(&format!("http://{silent}")).await;
    let asked = request("POST", "/api/proxy/x").header("expect", "100-continue");
    assert_eq!(send(front.address, asked.body(Body::from("body")).unwrap()).await.status, StatusCode::OK);
}

/// An upstream that answers before it has read all, as with 413.
#[tokio::test]
async fn passes_an_early_answer_on() {
    let upstream = raw(|_, mut stream| async move {
        read_head(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig").await.unwrap();
        let mut sink = tokio::io::sink();
        tokio::io::copy(&mut stream, &mut sink).await.ok();
    })
    .await;
    let front = Front::to(&format!("http://{upstream}")).await;
    let answer = send(front.address, request("POST", "/api/proxy/x").body(Body::from(pattern(8 << 20))).unwrap()).await;
    assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::PAYLOAD_TOO_LARGE, &b"big"[..]));
}

#[tokio::test]
async fn says_when_an_answer_breaks_off() {
    let upstream = raw(|_, mut stream| async move {
        read_head(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nonly this").await.unwrap();
    })
    .await;
    let front = Front::to(&format!("http://{upstream}")).await;
    let response = crate::client::open(front.address, get("/api/proxy/x")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(crate::client::read(response).await.is_err());
}
