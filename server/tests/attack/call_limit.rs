//! Calls that occupy the proxy: slow readers, slow uploads, streams.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{Response, StatusCode},
    routing::{any, get},
};
use futures_util::{StreamExt, stream};
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use crate::{api, program::Program, support::stub::Stub};

/// An API that responds to `/x` at once, to `/big` without end, and to `/hang` never.
async fn serve() -> String {
    let part = Bytes::from(vec![b'x'; 64 << 10]);
    let big = move || {
        let parts = stream::repeat(part.clone()).map(Ok::<_, Infallible>);
        async { Body::from_stream(parts) }
    };
    let router = Router::new()
        .route("/x", get(async || "ok"))
        .route("/big", get(big))
        .route("/hang", get(std::future::pending::<()>));
    api::serve(router).await
}

/// An API that responds to `/x` at once and accepts anything at `/up`, with a semaphore permit for each upload that has
/// reached it.
async fn serve_uploads() -> (String, Arc<Semaphore>) {
    let arrived = Arc::new(Semaphore::new(0));
    let seen = Arc::clone(&arrived);
    let upload = async move |request: Request| {
        seen.add_permits(1);
        Bytes::from_request(request, &()).await.map(|body| body.len().to_string())
    };
    let router = Router::new().route("/x", get(async || "ok")).route("/up", any(upload));
    (api::serve(router).await, arrived)
}

async fn program(api: &str, variables: &[(&str, &str)]) -> Program {
    Program::with(&[&[("VESTIBULE_API__URL", api)], variables].concat()).await
}

/// A client at an address of its own.
fn client_at(address: [u8; 4]) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().local_address(IpAddr::from(address)).build().unwrap()
}

async fn status(client: &reqwest::Client, server: &Program, path: &str) -> StatusCode {
    let request = client.get(format!("{}{path}", server.origin)).header("sec-fetch-site", "same-origin");
    request.send().await.unwrap().status()
}

/// Waits until another client is served.
async fn wait_until_others_are_served(server: &Program) {
    let client = client_at([127, 0, 0, 2]);
    for _ in 0..600 {
        if status(&client, server, "/api/proxy/x").await == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no other client is served");
}

/// Sends the head of a request.
async fn begin(server: &Program, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let host = server.address();
    let text = format!("{head}\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_client_without_a_session_that_takes_all_it_can_leaves_room_for_others() {
    let limits = [("VESTIBULE_PROXY__MAX_CONCURRENT", "8"), ("VESTIBULE_PROXY__MAX_CONCURRENT_PER_ADDRESS", "4")];
    let server = program(&serve().await, &limits).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(begin(&server, "GET /api/proxy/hang HTTP/1.1").await);
    }
    let greedy = client_at([127, 0, 0, 1]);
    for _ in 0..600 {
        if status(&greedy, &server, "/api/proxy/x").await == StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let request = greedy.get(format!("{}/api/proxy/x", server.origin)).header("sec-fetch-site", "same-origin");
    let refused = request.send().await.unwrap();
    assert_eq!(
        (refused.status(), refused.headers()["retry-after"].as_bytes()),
        (StatusCode::SERVICE_UNAVAILABLE, &b"1"[..])
    );
    for host in 2..6 {
        assert_eq!(status(&client_at([127, 0, 0, host]), &server, "/api/proxy/x").await, StatusCode::OK);
    }
}

#[tokio::test]
async fn unread_responses_do_not_count_as_calls_forever() {
    let limits = [
        ("VESTIBULE_PROXY__MAX_CONCURRENT", "4"),
        ("VESTIBULE_PROXY__MAX_CONCURRENT_PER_ADDRESS", "0"),
        ("VESTIBULE_PROXY__IDLE_TIMEOUT", "1"),
    ];
    let server = program(&serve().await, &limits).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let stream = begin(&server, "GET /api/proxy/big HTTP/1.1").await;
        stream.readable().await.unwrap();
        held.push(stream);
    }
    wait_until_others_are_served(&server).await;
}

#[tokio::test]
async fn http2_streams_with_a_closed_window_do_not_count_as_calls_forever() {
    let limits = [
        ("VESTIBULE_PROXY__MAX_CONCURRENT", "4"),
        ("VESTIBULE_PROXY__MAX_CONCURRENT_PER_ADDRESS", "0"),
        ("VESTIBULE_PROXY__IDLE_TIMEOUT", "1"),
    ];
    let server = program(&serve().await, &limits).await;
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let handshake = h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(stream).await;
    let (sender, connection) = handshake.unwrap();
    let connection = tokio::spawn(connection);
    let mut held = Vec::new();
    for _ in 0..4 {
        let request = axum::http::Request::get(format!("{}/api/proxy/big", server.origin))
            .header("sec-fetch-site", "same-origin")
            .body(())
            .unwrap();
        let response = sender.clone().ready().await.unwrap().send_request(request, true).unwrap().0.await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        held.push(response);
    }
    wait_until_others_are_served(&server).await;
    connection.abort();
}

#[tokio::test]
async fn uploads_that_trickle_are_aborted() {
    let limits = [
        ("VESTIBULE_PROXY__MAX_CONCURRENT", "4"),
        ("VESTIBULE_PROXY__MAX_CONCURRENT_PER_ADDRESS", "0"),
        ("VESTIBULE_PROXY__IDLE_TIMEOUT", "1"),
    ];
    let (api, arrived) = serve_uploads().await;
    let server = program(&api, &limits).await;
    let mut uploads = Vec::new();
    for _ in 0..4 {
        let stream = begin(&server, "POST /api/proxy/up HTTP/1.1\r\nContent-Length: 1000000").await;
        uploads.push(tokio::spawn(trickle(stream)));
    }
    // Otherwise another call could be counted before one of the uploads.
    let _ = arrived.acquire_many(4).await.unwrap();
    wait_until_others_are_served(&server).await;
    for upload in uploads {
        let response = upload.await.unwrap();
        assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    }
}

/// Sends a byte five times a second until there is a response, and returns it.
async fn trickle(stream: TcpStream) -> String {
    let (mut read, mut write) = stream.into_split();
    let trickling = tokio::spawn(async move {
        for _ in 0..300 {
            if write.write_all(b"x").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let mut response = [0; 64];
    let length = read.read(&mut response).await.unwrap();
    trickling.abort();
    String::from_utf8_lossy(&response[..length]).into_owned()
}

/// Serves HTTP/2 with ten streams per connection: `/events` is endless, everything else is short.
async fn serve_ten_streams() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut builder = h2::server::Builder::new();
                let mut connection = builder.max_concurrent_streams(10).handshake::<_, Bytes>(stream).await.unwrap();
                while let Some(Ok((request, mut response))) = connection.accept().await {
                    let is_stream = request.uri().path() == "/events";
                    let mut body = response.send_response(Response::new(()), false).unwrap();
                    body.send_data("data: 1\n\n".into(), !is_stream).unwrap();
                    if is_stream {
                        tokio::spawn(async move { std::future::poll_fn(|cx| body.poll_reset(cx)).await });
                    }
                }
            });
        }
    });
    api
}

#[tokio::test]
async fn open_event_streams_block_no_call_to_an_http2_api() {
    let limits = [("VESTIBULE_PROXY__PROTOCOL", "http2"), ("VESTIBULE_THREADS", "1")];
    let server = program(&serve_ten_streams().await, &limits).await;
    let mut held = Vec::new();
    for _ in 0..25 {
        let mut stream = begin(&server, "GET /api/proxy/events HTTP/1.1").await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        held.push(stream);
    }
    let client = client_at([127, 0, 0, 2]);
    for _ in 0..20 {
        assert_eq!(status(&client, &server, "/api/proxy/x").await, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_session_opens_only_so_many_event_streams() {
    let stub = Stub::start().await;
    let limits =
        [("VESTIBULE_SESSION__MAX_EVENT_STREAMS", "4"), ("VESTIBULE_SESSION__MAX_EVENT_STREAMS_PER_SESSION", "3")];
    let server = program(&stub.url(), &limits).await;
    let (mut ada, grace) = (server.logged_in("ada@example.com").await, server.logged_in("grace@example.com").await);
    let open = async |browser: &crate::support::browser::Browser| {
        browser.request(Method::GET, "/api/session/events").send().await.unwrap()
    };
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(open(&ada).await);
    }
    assert!(held.iter().all(|stream| stream.status() == StatusCode::OK));
    let refused = open(&ada).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    let other = open(&grace).await;
    assert_eq!(other.status(), StatusCode::OK, "another session has its own limit");
    assert_eq!(open(&grace).await.status(), StatusCode::SERVICE_UNAVAILABLE, "the limit of all streams is reached");
    assert_eq!(ada.get("/api/session").await.json()["loggedIn"], true, "everything else still works");
    held.clear();
    for _ in 0..600 {
        if open(&ada).await.status() == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a closed stream still counts");
}
