//! The upload form for files.

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::socket::connect;
use crate::{
    program::Program,
    support::{browser::Answer, browser::Browser, stub::Stub},
};

const UPLOAD: &str = "/api/form/attachments/upload?note=1";

async fn send(user: &mut Browser, body: String) -> Answer {
    let request = user.request(Method::POST, UPLOAD).header("content-type", "multipart/form-data; boundary=z");
    user.send(request.body(body)).await
}

fn part(name: &str) -> String {
    format!("--z\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\nhello\r\n")
}

fn location(response: &Answer) -> &str {
    response.headers["location"].to_str().unwrap()
}

/// Sends data without end, as fast as the server reads, and returns how many bytes were sent before it closed.
async fn flood(server: &Program, cookies: &str, beginning: &str) -> usize {
    let (mut read, mut write) = connect(server).await.into_split();
    let head = format!(
        "POST {UPLOAD} HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncookie: {cookies}\r\n\
         content-type: multipart/form-data; boundary=z\r\ntransfer-encoding: chunked\r\n\r\n",
        server.address(),
        server.origin
    );
    write.write_all(head.as_bytes()).await.unwrap();
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    if !beginning.is_empty() {
        write.write_all(chunk(beginning).as_bytes()).await.unwrap();
    }
    let reading = tokio::spawn(async move {
        let mut response = Vec::new();
        let _ = read.read_to_end(&mut response).await;
    });
    let chunk = chunk(&"x".repeat(64 << 10));
    let mut sent = 0;
    while sent < (256 << 20) && write.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
    }
    drop(write);
    tokio::time::timeout(super::socket::TIMEOUT, reading).await.unwrap().unwrap();
    sent
}

#[tokio::test]
async fn fills_the_memory_with_a_form_without_an_end() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let ada = server.logged_in("ada@example.com").await;
    let cookies: Vec<_> = ada.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let endless_head = "--z\r\ncontent-disposition: form-data; name=\"f\"\r\nx: ";
    for cookies in ["", &cookies.join("; ")] {
        for beginning in ["", endless_head] {
            let sent = flood(&server, cookies, beginning).await;
            // A little more than two socket buffers.
            assert!(sent < 32 << 20, "{sent} bytes");
        }
    }
    assert!(super::socket::is_served(&server, "127.0.0.1").await);
}

#[tokio::test]
async fn uploads_without_a_session() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let response = send(&mut server.browser(), part("a") + "--z--\r\n").await;
    assert_eq!(response.status, 303);
    assert!(location(&response).starts_with("/login?"), "{response:?}");
    assert!(stub.memory().seen.is_empty());
}

#[tokio::test]
async fn uploads_where_nothing_is_offered() {
    let stub = Stub::start().await;
    let server = Program::with(&[("VESTIBULE_API__URL", &stub.url()), ("VESTIBULE_APP__ATTACHMENTS", "false")]).await;
    let mut ada = server.logged_in("ada@example.com").await;
    assert_eq!(send(&mut ada, part("a") + "--z--\r\n").await.status, 404);
}

#[tokio::test]
async fn hides_lost_files_behind_a_good_one() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut ada = server.logged_in("ada@example.com").await;
    let good = send(&mut ada, part("a") + &part("b") + "--z--\r\n").await;
    assert_eq!(location(&good), "/notes/1?done=file-added");
    assert_eq!(stub.memory().seen.len(), 2);
    for bad in ["--z\r\nno header\r\n\r\nhello\r\n--z--\r\n", "--z\r\ncontent-disposition: form-", ""] {
        let response = send(&mut ada, part("a") + bad).await;
        assert!(location(&response).starts_with("/notes/1?upload_error="), "{bad}: {response:?}");
    }
}

/// Not an attack: a file over the limit redirects to its note, which shows the error.
#[tokio::test]
async fn a_file_that_is_too_large_redirects_to_its_note() {
    let stub = Stub::start().await;
    let settings = [("VESTIBULE_API__URL", stub.url()), ("VESTIBULE_PROXY__MAX_REQUEST_BODY", "1000".into())];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Program::with(&settings).await;
    let mut ada = server.logged_in("ada@example.com").await;
    let large = part("a").replace("hello", &"x".repeat(300_000)) + "--z--\r\n";
    assert_eq!(location(&send(&mut ada, large).await), "/notes/1?upload_error=413");
}
