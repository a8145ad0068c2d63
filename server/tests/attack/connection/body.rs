//! Bodies that are missing, endless or too large.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::socket::{connect, exchange};
use crate::{
    program::Program,
    support::{browser::Browser, stub::Stub},
};

const FORM: &str = "application/x-www-form-urlencoded";
const FILES: &str = "multipart/form-data; boundary=z";
const UPLOAD: &str = "/api/form/attachments/upload?note=1";

/// All routes where the server reads a body itself.
const ROUTES: [(&str, &str); 5] = [
    ("/api/login", FORM),
    ("/api/signup", FORM),
    ("/api/form/notes/create", FORM),
    ("/api/proxy/auth/login", "application/json"),
    (UPLOAD, FILES),
];

async fn server(stub: &Stub) -> Program {
    let variables = [
        ("VESTIBULE_API__URL", stub.url()),
        ("VESTIBULE_SERVER__BODY_TIMEOUT", "1".into()),
        ("VESTIBULE_SERVER__FORM_TIMEOUT", "3".into()),
    ];
    Program::with(&variables.each_ref().map(|(name, value)| (*name, value.as_str()))).await
}

/// The head of a request by a logged-in user.
fn head(server: &Program, user: &Browser, path: &str, kind: &str, length: &str) -> String {
    let cookies: Vec<_> = user.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncookie: {}\r\ncontent-type: {kind}\r\n{length}\r\n\r\n",
        server.address(),
        server.origin,
        cookies.join("; ")
    )
}

#[tokio::test]
async fn announces_a_body_and_sends_none() {
    let stub = Stub::start().await;
    let server = server(&stub).await;
    let ada = server.logged_in("ada@example.com").await;
    for (path, kind) in ROUTES {
        for length in ["content-length: 100", "transfer-encoding: chunked"] {
            let response = exchange(&server, &head(&server, &ada, path, kind, length)).await;
            assert!(response.starts_with("HTTP/1.1 408"), "{path}: {response}");
        }
    }
}

#[tokio::test]
async fn sends_a_form_in_drops() {
    let stub = Stub::start().await;
    let server = server(&stub).await;
    let ada = server.logged_in("ada@example.com").await;
    for (path, kind) in &ROUTES[..4] {
        let (mut read, mut write) = connect(&server).await.into_split();
        let head = head(&server, &ada, path, kind, "content-length: 100000");
        let writing = tokio::spawn(async move {
            write.write_all(head.as_bytes()).await.unwrap();
            while write.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        let mut response = [0; 12];
        read.read_exact(&mut response).await.unwrap();
        assert_eq!(&response, b"HTTP/1.1 408", "{path}");
        drop(read);
        tokio::time::timeout(super::socket::TIMEOUT, writing).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn sends_a_form_without_an_end() {
    let stub = Stub::start().await;
    let server = server(&stub).await;
    let ada = server.logged_in("ada@example.com").await;
    let large = "x".repeat((256 << 10) + 1);
    for (path, kind) in &ROUTES[..4] {
        let announced = format!("content-length: {}", large.len());
        let response = exchange(&server, &head(&server, &ada, path, kind, &announced)).await;
        assert!(response.starts_with("HTTP/1.1 413"), "{path}: {response}");
        let chunks = format!("{:x}\r\n{large}\r\n", large.len()).repeat(2);
        let text = head(&server, &ada, path, kind, "transfer-encoding: chunked") + &chunks;
        let (mut read, mut write) = connect(&server).await.into_split();
        let writing = tokio::spawn(async move { write.write_all(text.as_bytes()).await });
        let mut response = [0; 12];
        read.read_exact(&mut response).await.unwrap();
        assert_eq!(&response, b"HTTP/1.1 413", "{path}");
        let _ = writing.await.unwrap();
    }
}
