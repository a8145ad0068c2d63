//! Connections without a request.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::socket::{connect, get, http2, is_served, rest};
use crate::{program::Program, support::stub::Stub};

/// A server with a header timeout of one second.
async fn server(stub: &Stub) -> Program {
    Program::with(&[("VESTIBULE_API__URL", &stub.url()), ("VESTIBULE_SERVER__HEADER_TIMEOUT", "1")]).await
}

#[tokio::test]
async fn holds_connections_without_a_request() {
    let stub = Stub::start().await;
    let server = server(&stub).await;
    // The HTTP/2 preface (RFC 9113 §3.4) with an empty SETTINGS frame and no stream.
    let settings = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    // The same with the incomplete headers of a stream.
    let headers = [&settings[..], &[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]].concat();
    let beginnings: [&[u8]; 8] = [
        b"",
        b"G",
        b"PRI * HT",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n",
        &settings,
        &headers,
    ];
    let mut sockets = Vec::new();
    for beginning in beginnings {
        let mut socket = connect(&server).await;
        socket.write_all(beginning).await.unwrap();
        sockets.push(socket);
    }
    for mut socket in sockets {
        rest(&mut socket).await;
    }
}

#[tokio::test]
async fn sends_a_head_a_byte_at_a_time() {
    let stub = Stub::start().await;
    let server = server(&stub).await;
    let (mut read, mut write) = connect(&server).await.into_split();
    let writing = tokio::spawn(async move {
        for _ in 0..1_000 {
            if write.write_all(b"GET /".get(..1).unwrap()).await.is_err() {
                return true;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        false
    });
    let mut bytes = Vec::new();
    let _ = read.read_to_end(&mut bytes).await;
    assert!(writing.await.unwrap());
}

#[tokio::test]
async fn holds_a_connection_after_a_request() {
    let stub = Stub::start().await;
    let server = server(&stub).await;
    let mut socket = connect(&server).await;
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", server.address());
    for _ in 0..3 {
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut response = vec![0; 4096];
        let length = socket.read(&mut response).await.unwrap();
        assert!(response[..length].starts_with(b"HTTP/1.1 200"));
    }
    rest(&mut socket).await;
}

#[tokio::test]
async fn holds_a_connection_of_http2_after_a_request_and_answers_pings() {
    let stub = Stub::start().await;
    let server = server(&stub).await;
    let mut client = http2(&server, 65_535).await;
    let (response, _) = client.send_request(get(&server, "/healthz"), true).unwrap();
    assert_eq!(response.await.unwrap().status(), 200);
    let closed = async {
        loop {
            if futures_util::future::poll_fn(|cx| client.poll_ready(cx)).await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(super::socket::TIMEOUT, closed).await.unwrap();
}

#[tokio::test]
async fn holds_a_stop_up_with_half_a_head() {
    let stub = Stub::start().await;
    let server = server(&stub).await;
    // Once it responds, it handles signals.
    assert!(is_served(&server, "127.0.0.1").await);
    let mut socket = connect(&server).await;
    socket.write_all(b"GET / HTTP/1.1\r\nhost").await.unwrap();
    server.stop().await;
    rest(&mut socket).await;
}
