//! `/notes/{id}/attachments`

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use reqwest::{Body, Method, StatusCode, header::HeaderMap};
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    client::{Answer, Client, send, text},
    harness::TestApi,
};

/// A fresh note's attachments.
async fn attachments(client: &Client) -> String {
    let note = client.write_note("With files", "").await;
    format!("/notes/{}/attachments", text(&note["id"]))
}

async fn upload(client: &Client, path: &str, name: &str, body: impl Into<Body>) -> Answer {
    let request = client.request(Method::POST, path).query(&[("name", name)]);
    send(request.header("content-type", "text/plain").body(body)).await
}

async fn uploaded(client: &Client, path: &str, body: &'static str) -> String {
    let answer = upload(client, path, "a.txt", body).await.expect(StatusCode::CREATED);
    format!("{path}/{}", text(&answer.json()["id"]))
}

async fn download(client: &Client, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    send(client.request(Method::GET, path).headers(headers.collect::<HeaderMap>())).await
}

#[tokio::test]
async fn a_file_comes_back_as_it_went() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let path = attachments(&ada).await;
    let answer = upload(&ada, &path, "Été \"1\".txt", "0123456789").await;
    let answer = answer.expect(StatusCode::CREATED);
    let attachment = answer.json();
    let file = format!("{path}/{}", text(&attachment["id"]));
    assert_eq!(answer.header("location"), file);
    assert_eq!(attachment["name"], "Été \"1\".txt");
    assert_eq!(attachment["content_type"], "text/plain");
    assert_eq!(attachment["size"], 10);
    assert_eq!(attachment["created_at"], "2030-03-17T17:46:40Z");
    assert_eq!(ada.get(&path).await.json(), Value::Array(vec![attachment.clone()]));

    let answer = ada.get(&file).await.expect(StatusCode::OK);
    assert_eq!(answer.body, "0123456789");
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-length", "10"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "attachment; filename=\"_t_ _1_.txt\"; filename*=UTF-8''%C3%89t%C3%A9%20%221%22.txt"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let head = send(ada.request(Method::HEAD, &file)).await.expect(StatusCode::OK);
    assert_eq!((head.header("content-length"), head.body.len()), ("10", 0));
}

#[tokio::test]
async fn a_range_is_a_part() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let file = uploaded(&ada, &attachments(&ada).await, "0123456789").await;
    for (range, body, content_range) in [
        ("bytes=2-5", "2345", "bytes 2-5/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
    ] {
        let answer = download(&ada, &file, &[("range", range)]).await;
        let answer = answer.expect(StatusCode::PARTIAL_CONTENT);
        assert_eq!(answer.body, body, "{range}");
        assert_eq!(answer.header("content-range"), content_range);
        assert_eq!(answer.header("content-length"), body.len().to_string());
    }
    let beyond = download(&ada, &file, &[("range", "bytes=10-")]).await;
    assert_eq!(beyond.header("content-range"), "bytes */10");
    beyond.expect_problem(StatusCode::RANGE_NOT_SATISFIABLE);
    for range in ["bytes=1-2,4-5", "nonsense"] {
        let whole = download(&ada, &file, &[("range", range)]).await.expect(StatusCode::OK);
        assert_eq!((whole.body.as_ref(), whole.header("content-range")), (&b"0123456789"[..], ""));
    }
}

#[tokio::test]
async fn preconditions_hold_for_files() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let file = uploaded(&ada, &attachments(&ada).await, "0123456789").await;
    let tag = ada.get(&file).await.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 2, "{tag}");
    let known = download(&ada, &file, &[("if-none-match", &tag)]).await;
    assert_eq!(known.expect(StatusCode::NOT_MODIFIED).header("etag"), tag);
    let range = ("range", "bytes=0-0");
    let part = download(&ada, &file, &[range, ("if-range", &tag)]).await;
    assert_eq!(part.expect(StatusCode::PARTIAL_CONTENT).body, "0");
    let whole = download(&ada, &file, &[range, ("if-range", "\"other\"")]).await;
    assert_eq!(whole.expect(StatusCode::OK).body, "0123456789");
}

#[tokio::test]
async fn a_large_file_is_streamed_both_ways() {
    const CHUNK: usize = 1 << 20;
    const CHUNKS: u8 = 48;
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let path = attachments(&ada).await;
    // Without a `Content-Length`, as a browser streams.
    let chunks = (0..CHUNKS).map(|number| Ok::<_, std::io::Error>(Bytes::from(vec![number; CHUNK])));
    let answer = upload(&ada, &path, "large.bin", Body::wrap_stream(stream::iter(chunks))).await;
    let attachment = answer.expect(StatusCode::CREATED).json();
    let size = usize::from(CHUNKS) * CHUNK;
    assert_eq!(attachment["size"], size);

    let file = format!("{path}/{}", text(&attachment["id"]));
    let response = ada.request(Method::GET, &file).send().await.unwrap();
    assert_eq!(response.content_length(), Some(size as u64));
    let mut stream = response.bytes_stream();
    let mut position = 0;
    while let Some(chunk) = stream.next().await {
        for byte in chunk.unwrap() {
            assert_eq!(usize::from(byte), position / CHUNK, "at {position}");
            position += 1;
        }
    }
    assert_eq!(position, size);
    let border = format!("bytes={}-{}", CHUNK - 1, CHUNK);
    let part = download(&ada, &file, &[("range", &border)]).await;
    assert_eq!(part.expect(StatusCode::PARTIAL_CONTENT).body, [0, 1][..]);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_and_leaves_nothing() {
    let api = TestApi::start_with(|settings| {
        settings.seed = false;
        settings.attachment_limit = 100_000;
    })
    .await;
    let ada = api.ada().await;
    let path = attachments(&ada).await;
    let just = upload(&ada, &path, "just", vec![0; 100_000]).await;
    just.expect(StatusCode::CREATED);
    // Announced by `Content-Length`, and found out on the way; far more than a socket's buffers.
    let announced = upload(&ada, &path, "announced", vec![0; 5_000_000]).await;
    announced.expect_problem(StatusCode::PAYLOAD_TOO_LARGE);
    let chunks = (0..50).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![0; 100_000])));
    let found_out = upload(&ada, &path, "found", Body::wrap_stream(stream::iter(chunks))).await;
    found_out.expect_problem(StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(ada.get(&path).await.json().as_array().unwrap().len(), 1);
    assert_eq!(api.attachment_files().len(), 1, "{:?}", api.attachment_files());
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let file = uploaded(&ada, &attachments(&ada).await, "").await;
    let answer = ada.get(&file).await.expect(StatusCode::OK);
    assert_eq!((answer.header("content-length"), answer.body.len()), ("0", 0));
}

#[tokio::test]
async fn a_name_is_needed_and_no_path() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let path = attachments(&ada).await;
    for name in ["", "../../etc/passwd", "a\\b", "a\nb", &"x".repeat(201)] {
        upload(&ada, &path, name, "x").await.expect_invalid(&["name"]);
    }
    send(ada.request(Method::POST, &path).body("x")).await.expect_invalid(&["name"]);
    assert!(api.attachment_files().is_empty());
}

#[tokio::test]
async fn deleting_removes_the_bytes_too() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let path = attachments(&ada).await;
    let first = uploaded(&ada, &path, "first").await;
    uploaded(&ada, &path, "second").await;
    assert_eq!(api.attachment_files().len(), 2);
    ada.delete(&first).await.expect(StatusCode::NO_CONTENT);
    ada.get(&first).await.expect_problem(StatusCode::NOT_FOUND);
    ada.delete(&first).await.expect_problem(StatusCode::NOT_FOUND);
    assert_eq!(api.attachment_files().len(), 1);
    let note = path.strip_suffix("/attachments").unwrap();
    ada.delete(note).await.expect(StatusCode::NO_CONTENT);
    assert!(api.attachment_files().is_empty());
    ada.get(&path).await.expect_problem(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let path = attachments(&ada).await;
    let mut socket = TcpStream::connect(api.address).await.unwrap();
    let token = ada.access_token.as_ref().unwrap();
    let head = format!(
        "POST {path}?name=a HTTP/1.1\r\nhost: api\r\nauthorization: Bearer {token}\r\n\
         content-length: 100\r\n\r\nonly this"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    wait_until(|| api.attachment_files().len() == 1).await;
    drop(socket);
    wait_until(|| api.attachment_files().is_empty()).await;
    assert_eq!(ada.get(&path).await.json(), Value::Array(Vec::new()));
}

/// Looks again and again, for a minute at most.
async fn wait_until(condition: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen");
}
