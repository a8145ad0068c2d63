//! Getting a token into the page through the API's responses.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::ws::{Message, WebSocketUpgrade},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{any, get, post},
};
use futures_util::stream;
use http_body::Frame;
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    api,
    program::Program,
    support::{browser::Answer, stub::Stub},
};

/// A token that the API would accept.
const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhcGkiLCJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoZS1hcGk";
/// Its signature, without which the rest is worthless.
const SIGNATURE: &str = "c2lnbmF0dXJlLW9mLXRoZS1hcGk";
/// An opaque token, which only its location reveals.
const OPAQUE: &str = "8f14e45fceea167a5a36dedd4bea2543";
/// Long enough for any correct response, short enough for a failing test.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The server in front of an API defined by a test.
async fn server(api: Router) -> Program {
    with(api, &[]).await
}

async fn with(api: Router, variables: &[(&str, &str)]) -> Program {
    let url = api::serve(api).await;
    let own = [("VESTIBULE_API__URL", url.as_str())];
    Program::with(&[&own[..], variables].concat()).await
}

async fn call(program: &Program, method: Method, path: &str) -> Answer {
    let mut browser = program.browser();
    let request = browser.request(method, &format!("/api/proxy{path}"));
    browser.send(request).await
}

/// Asserts that the response was withheld and that one log line says where the token was and what to do.
async fn assert_withheld(program: &Program, response: &Answer, path: &str, location: &str) {
    assert_eq!(response.status, StatusCode::BAD_GATEWAY, "{response:?}");
    assert_eq!(response.headers[header::CONTENT_TYPE], "application/problem+json");
    let text = format!("{response:?}");
    assert!(!text.contains(SIGNATURE) && !text.contains(OPAQUE) && !text.contains("api.contract"), "{text}");
    let line = program.logged(&format!("\"path\":\"{path}\"")).await;
    for text in ["withheld", location, "request_id", "token_routes", "ERROR"] {
        assert!(line.contains(text), "{text}: {line}");
    }
    assert!(!line.contains(SIGNATURE) && !line.contains(OPAQUE), "{line}");
}

#[tokio::test]
async fn a_token_in_a_registration_response_is_withheld() {
    let response = || async { (StatusCode::CREATED, Json(json!({"jwt": JWT, "user": {"id": 1}}))) };
    let program = server(Router::new().route("/auth/local/register", post(response))).await;
    let response = call(&program, Method::POST, "/auth/local/register?x=1").await;
    assert_withheld(&program, &response, "/auth/local/register", "the body").await;
}

#[tokio::test]
async fn an_opaque_token_in_a_password_reset_response_is_withheld() {
    let response = || async { Json(json!({"user": {"id": 1}, "access_token": OPAQUE})) };
    let program = server(Router::new().route("/auth/reset", post(response))).await;
    let response = call(&program, Method::POST, "/auth/reset").await;
    assert_withheld(&program, &response, "/auth/reset", "/access_token").await;
}

#[tokio::test]
async fn a_token_in_any_header_is_withheld() {
    let field = |name: &'static str, value: String| {
        get(move || async move { ([(name, HeaderValue::try_from(value).unwrap())], "ok") })
    };
    let api = Router::new()
        .route("/authorization", field("authorization", format!("Bearer {JWT}")))
        .route("/location", field("location", format!("/welcome#token={JWT}")))
        .route("/link", field("link", format!("</next?token={JWT}>; rel=next")))
        .route("/x-debug", field("x-debug", JWT.into()));
    let program = server(api).await;
    for name in ["authorization", "location", "link", "x-debug"] {
        let path = format!("/{name}");
        let response = call(&program, Method::GET, &path).await;
        assert_withheld(&program, &response, &path, &format!("the header {name}")).await;
    }
}

#[tokio::test]
async fn a_credential_in_a_header_is_removed() {
    let response = || async { ([("x-auth-token", OPAQUE), ("authorization", OPAQUE), ("x-page", "1")], "ok") };
    let program = server(Router::new().route("/notes", get(response))).await;
    let response = call(&program, Method::GET, "/notes").await;
    assert_eq!((response.status, response.body.as_str()), (StatusCode::OK, "ok"));
    assert!(response.headers.contains_key("x-page") && !format!("{response:?}").contains(OPAQUE), "{response:?}");
}

#[tokio::test]
async fn a_page_with_a_token_in_a_script_or_a_link_is_withheld() {
    let script = Html(format!("<script>const token = '{JWT}'</script>"));
    let link = Html(format!("<a href='/x?token={}'>x</a>", JWT.replace('.', "%2E")));
    let api = Router::new()
        .route("/script", get(move || async move { script }))
        .route("/link", get(move || async move { link }));
    let program = server(api).await;
    for path in ["/script", "/link"] {
        let response = call(&program, Method::GET, path).await;
        assert_withheld(&program, &response, path, "the body").await;
    }
}

/// Encodes `body` with this content coding.
fn encode(coding: &str, body: &str) -> Vec<u8> {
    match coding {
        "gzip" => {
            let deflated = miniz_oxide::deflate::compress_to_vec(body.as_bytes(), 6);
            [b"\x1f\x8b\x08\0\0\0\0\0\0\x03", deflated.as_slice(), &[0; 8]].concat()
        }
        "br" => {
            let mut coded = Vec::new();
            brotli::BrotliCompress(&mut body.as_bytes(), &mut coded, &brotli::enc::BrotliEncoderParams::default())
                .unwrap();
            coded
        }
        _ => body.into(),
    }
}

#[tokio::test]
async fn a_compressed_response_is_filtered() {
    let response = |coding: &'static str, body: String| {
        let fields = [(header::CONTENT_ENCODING, coding), (header::CONTENT_TYPE, "application/json")];
        get(move || async move { (fields, encode(coding, &body)) })
    };
    let (harmless, token) = (format!("{{\"a\":\"{}\"}}", "b".repeat(400)), format!("{{\"a\":\"{JWT}\"}}"));
    let mut api = Router::new().route("/zstd/token", response("zstd", token.clone()));
    for coding in ["gzip", "br"] {
        api = api
            .route(&format!("/{coding}/token"), response(coding, token.clone()))
            .route(&format!("/{coding}/opaque"), response(coding, format!("{{\"access_token\":\"{OPAQUE}\"}}")))
            .route(&format!("/{coding}/harmless"), response(coding, harmless.clone()));
    }
    let program = server(api).await;
    for path in ["/gzip/token", "/gzip/opaque", "/br/token", "/br/opaque"] {
        let response = call(&program, Method::GET, path).await;
        assert_withheld(&program, &response, path, "the body").await;
    }
    assert_eq!(call(&program, Method::GET, "/zstd/token").await.status, StatusCode::BAD_GATEWAY);
    for coding in ["gzip", "br"] {
        let request = program.browser().request(Method::GET, &format!("/api/proxy/{coding}/harmless"));
        let response = request.send().await.unwrap();
        assert_eq!(
            (response.status(), &response.headers()[header::CONTENT_ENCODING]),
            (StatusCode::OK, &coding.parse().unwrap())
        );
        assert_eq!(response.bytes().await.unwrap(), encode(coding, &harmless));
    }
}

/// The API is offered only content codings that the filter can decode.
#[tokio::test]
async fn a_coding_that_hides_tokens_is_not_requested() {
    let response = |headers: HeaderMap| async move {
        headers.get(header::ACCEPT_ENCODING).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let program = server(Router::new().route("/codings", get(response))).await;
    let requested = |fields: &[(&'static str, &'static str)]| {
        let request = program.browser().request(Method::GET, "/api/proxy/codings");
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        async move { request.send().await.unwrap().text().await.unwrap() }
    };
    assert_eq!(requested(&[("accept-encoding", "gzip, deflate, br, zstd")]).await, "gzip, br");
    assert_eq!(requested(&[("accept-encoding", "zstd")]).await, "identity");
    assert_eq!(requested(&[("accept-encoding", "gzip"), ("range", "bytes=0-9")]).await, "identity");
}

/// Sends a raw request and reads until the server closes.
async fn raw(program: &Program, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(program.address()).await.unwrap();
    stream.write_all(request.replace("HOST", program.address()).as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let _ = timeout(TIMEOUT, stream.read_to_end(&mut response)).await.unwrap();
    response
}

fn trailers(fields: &[(&'static str, &'static str)]) -> Response {
    let fields: HeaderMap =
        fields.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
    let frames = [Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"data"))), Ok(Frame::trailers(fields))];
    let mut response = Response::new(Body::new(http_body_util::StreamBody::new(stream::iter(frames))));
    response.headers_mut().insert(header::TRAILER, HeaderValue::from_static("x-sum, x-token, set-cookie, x-leak"));
    response
}

#[tokio::test]
async fn trailers_are_filtered_like_headers() {
    let plain = || async { trailers(&[("x-sum", "1"), ("set-cookie", "sid=evil"), ("x-token", OPAQUE)]) };
    let leak = || async { trailers(&[("x-leak", JWT)]) };
    let program = server(Router::new().route("/plain", get(plain)).route("/leak", get(leak))).await;
    let request = |path: &str| {
        format!(
            "GET /api/proxy{path} HTTP/1.1\r\nhost: HOST\r\nsec-fetch-site: same-origin\r\nte: trailers\r\nconnection: te, close\r\n\r\n"
        )
    };
    let response = String::from_utf8(raw(&program, &request("/plain")).await).unwrap();
    assert!(response.contains("data") && response.contains("x-sum: 1"), "{response}");
    assert!(!response.contains("sid=evil") && !response.contains(OPAQUE), "{response}");
    let response = String::from_utf8(raw(&program, &request("/leak")).await).unwrap();
    assert!(!response.contains(SIGNATURE), "{response}");
    program.logged("\"place\":\"the header x-leak\"").await;
}

/// A body that is sent in these chunks, one by one.
fn chunked_body(parts: Vec<String>) -> Body {
    Body::from_stream(stream::unfold(parts.into_iter(), |mut parts| async move {
        let part = parts.next()?;
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Ok::<_, Infallible>(part), parts))
    }))
}

#[tokio::test]
async fn an_event_stream_ends_before_a_token_is_whole() {
    let events = || async {
        let text = format!("data: one\n\ndata: {JWT}\n\ndata: two\n\n");
        let parts = text.as_bytes().chunks(9).map(|part| String::from_utf8(part.to_vec()).unwrap());
        ([(header::CONTENT_TYPE, "text/event-stream")], chunked_body(parts.collect()))
    };
    let program = server(Router::new().route("/events", get(events))).await;
    let request = "GET /api/proxy/events HTTP/1.1\r\nhost: HOST\r\nsec-fetch-site: same-origin\r\n\r\n";
    let response = String::from_utf8(raw(&program, request).await).unwrap();
    // Each chunk is preceded by its size (RFC 9112 §7.1).
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    let events: String = body.split("\r\n").skip(1).step_by(2).collect();
    assert!(events.starts_with("data: one\n\n"), "{response}");
    assert!(!events.contains("eyJ") && !events.contains("data: two"), "{response}");
    let line = program.logged("cut an answer").await;
    assert!(line.contains("\"path\":\"/events\"") && line.contains("token_routes"), "{line}");
}

#[tokio::test]
async fn a_token_in_small_chunks_is_found() {
    let response = || async {
        let text = format!("{{\"token\":\"{JWT}\"}}");
        let length = text.len();
        let body = chunked_body(text.chars().map(String::from).collect());
        ([(header::CONTENT_LENGTH, length)], body)
    };
    let program = server(Router::new().route("/slow", get(response))).await;
    let response = call(&program, Method::GET, "/slow").await;
    assert_withheld(&program, &response, "/slow", "the body").await;
}

#[tokio::test]
async fn the_sessions_own_tokens_are_withheld() {
    let stub = Stub::start().await;
    let program = Program::start(&stub).await;
    let browser = program.logged_in("ada@example.com").await;
    let tokens = stub.tokens();
    assert_eq!(tokens.len(), 2);
    // The stub echoes the request.
    for token in tokens {
        let path = format!("/api/proxy/echo?token={token}");
        let response = browser.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY, "{token}");
        assert!(!response.text().await.unwrap().contains(&token));
    }
}

#[tokio::test]
async fn a_token_for_pages_passes_if_it_is_configured() {
    let response = || async { Json(json!({"chat": JWT})) };
    let opaque = || async { Json(json!({"access_token": OPAQUE})) };
    let api = Router::new().route("/chat", get(response)).route("/map", get(opaque));
    let program = with(api, &[("VESTIBULE_PROXY__PAGE_TOKENS", "api,/access_token")]).await;
    for (path, token) in [("/chat", JWT), ("/map", OPAQUE)] {
        let response = call(&program, Method::GET, path).await;
        assert!(response.status == StatusCode::OK && response.body.contains(token), "{response:?}");
    }
}

#[tokio::test]
async fn a_token_in_a_websocket_message_closes_it() {
    let socket = |upgrade: WebSocketUpgrade| async {
        upgrade.on_upgrade(|mut socket| async move {
            for text in ["hello".to_owned(), format!("42[\"auth\",{{\"accessToken\":\"{JWT}\"}}]"), "more".into()] {
                let _ = socket.send(Message::Text(text.into())).await;
            }
            while let Some(Ok(_)) = socket.recv().await {}
        })
    };
    let program = server(Router::new().route("/live", any(socket))).await;
    let request = "GET /api/proxy/live HTTP/1.1\r\nhost: HOST\r\norigin: http://HOST\r\nconnection: upgrade\r\n\
        upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        sec-websocket-extensions: permessage-deflate\r\n\r\n";
    let response = String::from_utf8_lossy(&raw(&program, request).await).into_owned();
    assert!(response.contains("101 Switching") && response.contains("hello"), "{response}");
    assert!(response.ends_with("token withheld"), "{response}");
    assert!(!response.contains("eyJ") && !response.contains("more"), "{response}");
    program.logged("closed a WebSocket").await;
}

/// A part of a compressed file cannot be decoded.
#[tokio::test]
async fn a_part_of_a_compressed_response_is_withheld() {
    let response = || async {
        (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_ENCODING, "gzip")], encode("gzip", JWT)).into_response()
    };
    let program = server(Router::new().route("/part", get(response))).await;
    assert_eq!(call(&program, Method::GET, "/part").await.status, StatusCode::BAD_GATEWAY);
}
