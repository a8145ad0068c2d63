//! `/events` and `/live`

use std::{mem, pin::Pin};

use bytes::Bytes;
use futures_util::{SinkExt as _, Stream, StreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, protocol::CloseFrame},
};

use crate::{
    client::{Client, send, text},
    harness::TestApi,
};

/// Reads a stream of server-sent events, one after another.
struct EventReader {
    chunks: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    buffer: String,
}

impl EventReader {
    async fn open(client: &Client) -> Self {
        let response = client.request(Method::GET, "/events").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        let mut reader = Self { chunks: Box::pin(response.bytes_stream()), buffer: String::new() };
        assert_eq!(reader.next().await.unwrap(), ": connected\nretry: 2000");
        reader
    }

    /// The lines of the next event, or `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let rest = self.buffer.split_off(end);
                let event = mem::replace(&mut self.buffer, rest.trim_start_matches('\n').to_owned());
                return Some(event);
            }
            let chunk = self.chunks.next().await?.unwrap();
            self.buffer.push_str(str::from_utf8(&chunk).unwrap());
        }
    }

    /// The data of the next event, which has to be of a note.
    async fn next_note(&mut self) -> Value {
        let event = self.next().await.unwrap();
        let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
        assert_eq!(line("event: "), Some("note"), "{event}");
        assert_eq!(line("id: ").map(str::len), Some(36), "{event}");
        serde_json::from_str(line("data: ").unwrap()).unwrap()
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(client: &Client) -> Socket {
    let mut request = format!("ws://{}/live", client.address).into_client_request().unwrap();
    let token = client.access_token.as_ref().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    connect_async(request).await.unwrap().0
}

async fn next_json(socket: &mut Socket) -> Value {
    let message = socket.next().await.unwrap().unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

async fn close_code(socket: &mut Socket) -> u16 {
    match socket.next().await {
        Some(Ok(Message::Close(Some(CloseFrame { code, .. })))) => code.into(),
        other => panic!("expected a close, got {other:?}"),
    }
}

/// What happens to a note, and what its owner shall hear of it.
async fn live_a_life(client: &Client) -> [Value; 3] {
    let created = client.write_note("Title", "").await;
    let id = text(&created["id"]);
    let path = format!("/notes/{id}");
    let updated = client.patch(&path, &json!({"title": "New"})).await.json();
    client.delete(&path).await.expect(StatusCode::NO_CONTENT);
    [
        json!({"kind": "created", "note": created}),
        json!({"kind": "updated", "note": updated}),
        json!({"kind": "deleted", "id": id}),
    ]
}

#[tokio::test]
async fn a_stream_tells_what_happens_to_ones_own_notes() {
    let api = TestApi::start().await;
    let (ada, grace) = (api.ada().await, api.grace().await);
    let mut stream = EventReader::open(&ada).await;
    live_a_life(&grace).await;
    for expected in live_a_life(&ada).await {
        assert_eq!(stream.next_note().await, expected);
    }
}

#[tokio::test]
async fn a_websocket_tells_the_same() {
    let api = TestApi::start().await;
    let (ada, grace) = (api.ada().await, api.grace().await);
    let mut socket = connect(&ada).await;
    live_a_life(&grace).await;
    for expected in live_a_life(&ada).await {
        assert_eq!(next_json(&mut socket).await, expected);
    }
}

#[tokio::test]
async fn a_websocket_echoes_text_and_bytes() {
    let api = TestApi::start().await;
    let mut socket = connect(&api.ada().await).await;
    for message in [
        Message::text("héllo"),
        Message::binary(vec![0, 255, 7]),
        Message::binary(vec![42; 5 << 20]),
        Message::text(""),
    ] {
        socket.send(message.clone()).await.unwrap();
        assert!(socket.next().await.unwrap().unwrap() == message, "the echo differs");
    }
    socket.send(Message::Ping(Bytes::from_static(b"p"))).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong(Bytes::from_static(b"p")));
    let close = CloseFrame { code: 4000.into(), reason: "bye".into() };
    socket.close(Some(close.clone())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Close(Some(close)));
}

#[tokio::test]
async fn a_websocket_wants_a_login() {
    let api = TestApi::start().await;
    let error = connect_async(format!("ws://{}/live", api.address)).await.unwrap_err();
    let Error::Http(response) = error else { panic!("{error}") };
    assert_eq!(response.status().as_u16(), 401);
}

#[tokio::test]
async fn logging_out_ends_the_sessions_streams_and_no_others() {
    let api = TestApi::start().await;
    let leaving = api.ada().await;
    let staying = leaving.log_in("ada@example.com").await;
    let mut left = EventReader::open(&leaving).await;
    let mut left_socket = connect(&leaving).await;
    let mut kept = EventReader::open(&staying).await;
    send(leaving.request(Method::POST, "/auth/logout")).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(left.next().await, None);
    assert_eq!(close_code(&mut left_socket).await, 4401);
    live_a_life(&staying).await;
    assert_eq!(kept.next_note().await["kind"], "created");
}

#[tokio::test]
async fn a_stop_ends_streams_and_is_not_held_up() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let mut stream = EventReader::open(&ada).await;
    let mut socket = connect(&ada).await;
    // It would be held up by either for ten seconds, and the streams would break off.
    let (_folder, end, code) = tokio::join!(api.stop(), stream.next(), close_code(&mut socket));
    assert_eq!((end, code), (None, 1001));
}
