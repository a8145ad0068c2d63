//! Methods, statuses and what has no body.

use axum::{body::Body, http::StatusCode, response::IntoResponse};

use crate::{
    client::{bytes, get, request, send, status},
    front::Front,
    stub::{Stub, with},
};

#[tokio::test]
async fn passes_every_method_with_its_query_and_slashes() {
    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    let target = "/notes//a/%7Eb/;v=1/?q=a%20b+c&q=%2e%2E/..&&x=//@:[]{}|\\^'&$limit=2?";
    for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "QUERY", "M-SEARCH"] {
        let answer =
            send(front.address, request(method, &format!("/api/proxy{target}")).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{method}");
        let seen = stub.one();
        assert_eq!((seen.method.as_str(), seen.target.as_str()), (method, target));
    }
}

#[tokio::test]
async fn refuses_trace_and_connect() {
    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    let answer = send(front.address, request("TRACE", "/api/proxy/notes").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    answer.problem();
    // RFC 9110 §15.5.6.
    assert_eq!(answer.header("allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    let answer = bytes(front.address, b"CONNECT /api/proxy/notes HTTP/1.1\r\nhost: app.example\r\nsec-fetch-site: same-origin\r\nconnection: close\r\n\r\n").await;
    assert!(matches!(status(&answer), 400 | 405), "{answer}");
    assert_eq!(status(&answer) == 405, answer.contains("\r\nallow: GET, HEAD"), "{answer}");
    assert!(stub.take().is_empty());
}

#[tokio::test]
async fn passes_statuses_as_they_are() {
    let stub = Stub::answering(|seen| {
        let code: u16 = seen.target[1..].parse().unwrap();
        StatusCode::from_u16(code).unwrap().into_response()
    })
    .await;
    let front = Front::to(&stub.url()).await;
    for code in [200, 201, 202, 204, 206, 301, 304, 308, 400, 403, 404, 409, 412, 418, 422, 429, 500, 503, 599] {
        let answer = send(front.address, get(&format!("/api/proxy/{code}"))).await;
        assert_eq!(answer.status.as_u16(), code);
    }
}

/// The framing of answers without content, to the byte (RFC 9112 §6.3).
#[tokio::test]
async fn adds_no_content_where_there_is_none() {
    let stub = Stub::answering(|seen| match seen.target.as_str() {
        "/204" => StatusCode::NO_CONTENT.into_response(),
        "/304" => (StatusCode::NOT_MODIFIED, [("etag", "\"7\"")]).into_response(),
        _ => with(&[("content-length", "12345"), ("etag", "\"7\"")], Body::empty()),
    })
    .await;
    let front = Front::to(&stub.url()).await;
    let ask = |method: &str, path: &str| {
        format!(
            "{method} /api/proxy{path} HTTP/1.1\r\nhost: app.example\r\nsec-fetch-site: same-origin\r\nconnection: close\r\n\r\n"
        )
    };
    for (method, path, code, length) in
        [("GET", "/204", 204, None), ("GET", "/304", 304, None), ("HEAD", "/file", 200, Some("12345"))]
    {
        let answer = bytes(front.address, ask(method, path).as_bytes()).await;
        assert_eq!(status(&answer), code, "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        assert!(!answer.contains("transfer-encoding"), "{answer}");
        match length {
            Some(length) => assert!(answer.contains(&format!("content-length: {length}\r\n")), "{answer}"),
            None => assert!(!answer.contains("content-length"), "{answer}"),
        }
    }
}

#[tokio::test]
async fn serves_http_1_0_clients_and_upstreams() {
    let upstream = crate::stub::raw(|_, mut stream| async move {
        use tokio::io::AsyncWriteExt;
        let head = crate::stub::read_head(&mut stream).await.unwrap();
        assert!(head.starts_with("GET /old HTTP/1.1\r\n"), "{head}");
        // Without a length: the end of the connection is the end of the content.
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nold but fine").await.unwrap();
    })
    .await;
    let front = Front::to(&format!("http://{upstream}")).await;
    let answer = bytes(front.address, b"GET /api/proxy/old HTTP/1.0\r\n\r\n").await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(answer.ends_with("\r\n\r\nold but fine"), "{answer}");
    assert!(!answer.contains("transfer-encoding"), "{answer}");
    let answer = send(front.address, get("/api/proxy/old")).await;
    assert_eq!(answer.body, "old but fine");
}
