//! The token filter: no token reaches the browser.

use axum::{
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::{
    client::{get, open, read, send},
    front::{Front, REFRESH, TOKEN},
    stub::{Seen, Stub, with},
};

/// A body in chunks that come one by one.
fn chunks(parts: Vec<String>) -> Body {
    let slowly = stream::iter(parts).then(|part| async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        Ok::<_, std::io::Error>(Bytes::from(part))
    });
    Body::from_stream(slowly)
}

fn leak(seen: &Seen) -> Response {
    let json = |token: &str| format!("{{\"token\":\"{token}\"}}");
    match seen.target.as_str() {
        "/body" => json(TOKEN).into_response(),
        "/refresh" => json(REFRESH).into_response(),
        "/error" => (StatusCode::INTERNAL_SERVER_ERROR, json(TOKEN)).into_response(),
        "/header" => with(&[("x-debug", &format!("Bearer {TOKEN}"))], "ok"),
        "/location" => with(&[("location", &format!("/x?token={TOKEN}"))], ""),
        "/large" => format!("{}{TOKEN}{}", " ".repeat(20_000), " ".repeat(20_000)).into_response(),
        "/slow" => {
            let text = json(TOKEN);
            with(&[("content-length", &text.len().to_string())], chunks(text.chars().map(String::from).collect()))
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn answers_502_in_place_of_a_token() {
    let stub = Stub::answering(|seen| leak(&seen)).await;
    let front = Front::to(&stub.url()).await;
    for path in ["/body", "/refresh", "/error", "/header", "/location", "/large", "/slow"] {
        let answer = send(front.address, get(&format!("/api/proxy{path}"))).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{path}");
        assert!(answer.problem().contains("withheld"));
        let text = format!("{answer:?}");
        assert!(!text.contains(TOKEN) && !text.contains(REFRESH), "{path}");
    }
}

#[tokio::test]
async fn cuts_a_stream_before_the_token_is_whole() {
    for size in [1, 7, 40, 1_000] {
        let text = format!("data: {}\n\ndata: {TOKEN}\n\ndata: more\n\n", "x".repeat(100));
        let parts: Vec<String> =
            text.as_bytes().chunks(size).map(|part| String::from_utf8(part.to_vec()).unwrap()).collect();
        // One at a time is slow: leave out most of what leads up to the token.
        let parts = if size == 1 { parts[90..].to_vec() } else { parts };
        let stub =
            Stub::answering(move |_| with(&[("content-type", "text/event-stream")], chunks(parts.clone()))).await;
        let front = Front::to(&stub.url()).await;
        let response = open(front.address, get("/api/proxy/events")).await;
        if size == 1_000 && response.status() == StatusCode::BAD_GATEWAY {
            continue;
        }
        let mut body = http_body_util::BodyExt::into_data_stream(response.into_body());
        let (mut got, mut broken) = (Vec::new(), false);
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => got.extend_from_slice(&chunk),
                Err(_) => broken = true,
            }
        }
        assert!(broken, "{size}");
        let got = String::from_utf8(got).unwrap();
        assert!(!got.contains(&TOKEN[TOKEN.len() - 32..]) && !got.contains("more"), "{size}: {got}");
    }
}

/// A chunk ends as a token begins, and the next one, which is long, goes on otherwise.
#[tokio::test]
async fn lets_the_beginning_of_a_token_pass_with_what_follows() {
    let begun = &TOKEN[TOKEN.len() - 32..][..9];
    let parts = [format!("one {begun}"), "x".repeat(40_000), format!("two {begun}"), "y".repeat(40_000), begun.into()];
    for with_length in [true, false] {
        let (whole, sent) = (parts.concat(), parts.clone());
        let length = whole.len().to_string();
        let stub = Stub::answering(move |_| {
            let fields = [("content-length", length.as_str())];
            with(if with_length { &fields } else { &[] }, chunks(sent.to_vec()))
        })
        .await;
        let front = Front::to(&stub.url()).await;
        let answer = send(front.address, get("/api/proxy/x")).await;
        assert_eq!((answer.status, answer.body == whole), (StatusCode::OK, true), "{with_length}");
    }
}

#[tokio::test]
async fn lets_pass_what_only_looks_like_a_token() {
    // Neither JSON with an algorithm, nor with anything behind it.
    let body = format!("{} eyJpZCI6MX0.eyJpZCI6MX0.x eyJhbGciOiJub25lIn0. eyJ", "eyJ".repeat(40));
    let answer = body.clone();
    let stub = Stub::answering(move |_| answer.clone()).await;
    let front = Front::to(&stub.url()).await;
    assert_eq!(send(front.address, get("/api/proxy/x")).await.body, body);
}

#[tokio::test]
async fn can_be_turned_off() {
    let stub = Stub::answering(|_| TOKEN).await;
    let front = Front::with(&stub.url(), |setup| setup.config.token_guard = false).await;
    let response = open(front.address, get("/api/proxy/body")).await;
    assert_eq!(read(response).await.unwrap().body, TOKEN);
}

#[tokio::test]
async fn searches_trailers() {
    use axum::http::{HeaderMap, HeaderValue};
    let stub = Stub::answering(|_| {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static(TOKEN));
        let frames = [http_body::Frame::data(Bytes::from_static(b"data")), http_body::Frame::trailers(trailers)];
        let body = Body::new(http_body_util::StreamBody::new(stream::iter(frames.map(Ok::<_, std::io::Error>))));
        Response::builder().header("trailer", "x-sum").body(body).unwrap()
    })
    .await;
    let front = Front::to(&stub.url()).await;
    let asked = crate::client::request("GET", "/api/proxy/x").header("te", "trailers").body(Body::empty()).unwrap();
    let response = open(front.address, asked).await;
    let leaked = match read(response).await {
        Ok(answer) => answer.trailers.is_some() || answer.status == StatusCode::OK,
        Err(_) => false,
    };
    assert!(!leaked);
}
