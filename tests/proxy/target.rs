//! Which targets go up, and that the same bytes do: for HTTP and for WebSockets.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    client::{bytes, status},
    front::{Front, LOG_IN, PUBLIC},
    stub::Stub,
};

const TABLE: &str = include_str!("targets.txt");

const HANDSHAKE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

struct Row {
    fate: &'static str,
    target: Vec<u8>,
}

fn table() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (fate, target) = line.split_at(9);
            Row { fate: fate.trim(), target: unescaped(target) }
        })
        .collect()
}

/// `\xNN` is one byte.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}

/// Asks for a target, to the byte, and gives the answer's status. The connection ends with it.
async fn ask(front: SocketAddr, method: &str, target: &[u8], fields: &str) -> u16 {
    let mut request = format!("{method} ").into_bytes();
    request.extend_from_slice(target);
    request.extend_from_slice(format!(" HTTP/1.1\r\nhost: app.example\r\norigin: {PUBLIC}\r\n{fields}\r\n").as_bytes());
    let mut stream = TcpStream::connect(front).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let mut head = [0; 12];
    match stream.read_exact(&mut head).await {
        Ok(_) => status(&String::from_utf8_lossy(&head)),
        Err(_) => 0,
    }
}

async fn check(method: &str, fields: &str, login: u16) -> usize {
    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    let rows = table();
    for Row { fate, target } in &rows {
        let shown = String::from_utf8_lossy(target).into_owned();
        let whole = [b"/api/proxy", target.as_slice()].concat();
        let answered = ask(front.address, method, &whole, fields).await;
        let expected = match *fate {
            "pass" => 200,
            "login" => login,
            number => number.parse().unwrap(),
        };
        assert_eq!(answered, expected, "{method} {shown}");
        let seen = stub.take();
        if *fate == "pass" {
            assert_eq!(seen.len(), 1, "{method} {shown}");
            assert_eq!(seen[0].target.as_bytes(), target, "{method}");
        } else {
            assert!(seen.is_empty(), "{method} {shown}: {seen:?}");
        }
    }
    rows.len()
}

#[tokio::test]
async fn passes_or_refuses_each_target() {
    assert!(check("POST", "content-length: 0\r\nconnection: close\r\n", LOG_IN.as_u16()).await >= 300);
}

#[tokio::test]
async fn passes_or_refuses_each_target_of_a_web_socket() {
    assert!(check("GET", HANDSHAKE, 404).await >= 300);
}

/// Forms of the whole target, and tricks with the host.
#[tokio::test]
async fn takes_only_targets_that_name_this_server() {
    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    for (target, host, expected) in [
        ("/api/proxy/x", "host: app.example", 200),
        ("/api/proxy/x", "host: 127.0.0.1:3000", 200),
        ("https://app.example/api/proxy/x", "host: app.example", 200),
        ("HTTPS://APP.example/api/proxy/x", "host: evil.example", 200),
        ("http://evil.example/api/proxy/x", "host: app.example", 400),
        ("https://app.example@evil.example/api/proxy/x", "host: app.example", 400),
        ("https://app.example:444/api/proxy/x", "host: app.example", 400),
        ("evil.example:80", "host: app.example", 400),
        ("*", "host: app.example", 404),
        ("api/proxy/x", "host: app.example", 400),
        ("//evil.example/api/proxy/x", "host: app.example", 404),
        ("/api/proxy/x#frag", "host: app.example", 200),
        ("/api/proxyx", "host: app.example", 404),
        ("/api/proxy@evil.example/x", "host: app.example", 404),
        ("/api/proxy:80/x", "host: app.example", 404),
        ("/api/proxy;x/y", "host: app.example", 404),
        ("/api/proxy%2fx", "host: app.example", 404),
        ("/api/%70roxy/x", "host: app.example", 404),
        ("/API/proxy/x", "host: app.example", 404),
        ("/api//proxy/x", "host: app.example", 404),
        ("/api/./proxy/x", "host: app.example", 404),
        ("/api/proxy/../session", "host: app.example", 400),
        ("/api/proxy/x", "host: app.example\r\nhost: evil.example", 400),
        ("/api/proxy/x", "x-host: app.example", 400),
        ("/api/proxy/x", "host: user@app.example", 400),
        ("/api/proxy/x", "host: app.example/x", 400),
        ("/api/proxy/x", "host: app.example, evil.example", 400),
        ("/api/proxy/x", "host: app example", 400),
        ("/api/proxy/x", "host: evil.example\r\nx-forwarded-host: evil.example\r\nx-original-url: /auth/refresh", 200),
    ] {
        let text = format!("GET {target} HTTP/1.1\r\n{host}\r\nconnection: close\r\n\r\n");
        let answer = bytes(front.address, text.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{target} {host}: {answer}");
        for seen in stub.take() {
            assert_eq!((expected, seen.target.as_str()), (200, "/x"));
            assert_eq!(seen.all("host"), [stub.address.to_string()]);
            assert_eq!(seen.all("x-forwarded-host"), ["app.example"]);
        }
    }
}
