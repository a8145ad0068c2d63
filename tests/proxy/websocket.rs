//! WebSockets through the proxy.

use std::time::Duration;

use axum::{
    Router,
    extract::{
        Request,
        ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        protocol::{WebSocketConfig, frame::coding::CloseCode},
    },
};
use vestibule::{config::proxy::Seconds, session::Record};

use crate::{
    front::{Front, PUBLIC, TOKEN, record},
    stub::Stub,
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Long enough for anything that happens, short enough for a test that fails.
const SOON: Duration = Duration::from_secs(20);
/// The largest message of the tests, in bytes.
const LARGE: usize = 64 << 20;

/// An upstream with an echo, which says first how it was asked.
async fn echo() -> Stub {
    Stub::serving(
        Router::new().route("/closed", any(|| async { (StatusCode::FORBIDDEN, "not you") })).fallback(any(upgrade)),
    )
    .await
}

async fn upgrade(headers: HeaderMap, upgrade: WebSocketUpgrade, request: Request) -> Response {
    let all = |name: &str| {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>().join("|")
    };
    let told = format!("{} {} {} {}", request.uri(), all("authorization"), all("cookie"), all("origin"));
    let upgrade = upgrade.protocols(["notes.v2"]).max_message_size(LARGE).max_frame_size(LARGE);
    upgrade.on_upgrade(move |socket| serve(socket, told)).into_response()
}

async fn serve(mut socket: WebSocket, told: String) {
    // The token must not come back, not even in a test.
    let told = told.replace(TOKEN, "THE-TOKEN");
    socket.send(Frame::Text(told.into())).await.unwrap();
    while let Some(Ok(frame)) = socket.recv().await {
        match frame {
            Frame::Text(text) if text == "close" => {
                let close = CloseFrame { code: 4005, reason: "as asked".into() };
                socket.send(Frame::Close(Some(close))).await.ok();
            }
            Frame::Text(_) | Frame::Binary(_) => socket.send(frame).await.unwrap(),
            Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) => {}
        }
    }
}

async fn connect(front: &Front, path: &str, fields: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let mut request = format!("ws://{}/api/proxy{path}", front.address).into_client_request().unwrap();
    for (name, value) in fields {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let config = WebSocketConfig::default().max_message_size(Some(LARGE)).max_frame_size(Some(LARGE));
    connect_async_with_config(request, Some(config), true).await.map(|(socket, _)| socket)
}

async fn open(front: &Front) -> Socket {
    let mut socket =
        connect(front, "/live?a=b", &[("origin", PUBLIC), ("cookie", "__Host-vestibule=x")]).await.unwrap();
    next(&mut socket).await;
    socket
}

async fn next(socket: &mut Socket) -> Message {
    timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap()
}

/// The code and reason by which a WebSocket is closed, skipping messages before.
async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        if let Message::Close(frame) = next(socket).await {
            let frame = frame.unwrap();
            return (u16::from(frame.code), frame.reason.to_string());
        }
    }
}

#[tokio::test]
async fn opens_with_the_sessions_credential_alone() {
    let front = Front::to(&echo().await.url()).await;
    let fields = [
        ("origin", PUBLIC),
        ("cookie", "__Host-vestibule=x"),
        ("authorization", "Bearer forged"),
        ("sec-websocket-protocol", "notes.v1, notes.v2"),
    ];
    let mut socket = connect(&front, "/live?a=b", &fields).await.unwrap();
    let expected = format!("/live?a=b Bearer THE-TOKEN  {PUBLIC}");
    assert_eq!(next(&mut socket).await.into_text().unwrap(), expected);
}

#[tokio::test]
async fn passes_messages_pings_and_close_codes() {
    let front = Front::to(&echo().await.url()).await;
    let mut socket = open(&front).await;
    for message in
        [Message::text("hello"), Message::binary(vec![0, 1, 2]), Message::text(""), Message::binary(vec![7; 70_000])]
    {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(next(&mut socket).await, message);
    }
    socket.send(Message::Ping("are you there".into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong("are you there".into()));
    socket.send(Message::text("close")).await.unwrap();
    assert_eq!(closed(&mut socket).await, (4005, "as asked".into()));
    assert!(timeout(SOON, socket.next()).await.unwrap().is_none_or(|end| end.is_err()));
}

#[tokio::test]
async fn passes_large_messages() {
    let front = Front::to(&echo().await.url()).await;
    let mut socket = open(&front).await;
    let message = Message::binary((0..LARGE).map(|index| u8::try_from(index % 251).unwrap()).collect::<Vec<_>>());
    socket.send(message.clone()).await.unwrap();
    assert!(next(&mut socket).await == message);
}

#[tokio::test]
async fn refuses_any_other_origin() {
    let front = Front::to(&echo().await.url()).await;
    for fields in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("cookie", "__Host-vestibule=x")],
        &[("origin", PUBLIC), ("sec-fetch-site", "cross-site")],
    ] {
        let Err(Error::Http(response)) = connect(&front, "/live", fields).await else { panic!("{fields:?}") };
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{fields:?}");
    }
}

#[tokio::test]
async fn passes_a_refusal_of_the_upstream_on() {
    let front = Front::to(&echo().await.url()).await;
    let Err(Error::Http(response)) = connect(&front, "/closed", &[("origin", PUBLIC)]).await else { panic!() };
    assert_eq!((response.status(), response.body().as_deref()), (StatusCode::FORBIDDEN, Some(&b"not you"[..])));
    let refusing = Stub::answering(|_| StatusCode::UNAUTHORIZED).await;
    let front = Front::to(&refusing.url()).await;
    let Err(Error::Http(response)) = connect(&front, "/live", &[("origin", PUBLIC)]).await else { panic!() };
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(!front.session.is_logged_in());
}

#[tokio::test]
async fn never_opens_a_token_issuing_path() {
    let front = Front::to(&echo().await.url()).await;
    for path in ["/auth/login", "/auth/refresh/", "/AUTH/%72efresh"] {
        let Err(Error::Http(response)) = connect(&front, path, &[("origin", PUBLIC)]).await else { panic!("{path}") };
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn closes_with_1001_when_the_server_stops() {
    let front = Front::to(&echo().await.url()).await;
    let mut socket = open(&front).await;
    let stopped = tokio::spawn({
        let proxy = front.proxy.clone();
        async move { proxy.stop().await }
    });
    assert_eq!(closed(&mut socket).await, (1001, "going away".into()));
    drop(socket);
    timeout(SOON, stopped).await.unwrap().unwrap();
}

#[tokio::test]
async fn closes_with_4401_when_the_session_ends() {
    let front = Front::to(&echo().await.url()).await;
    let id = front.session.record().unwrap().id;
    let (mut quiet, mut busy) = (open(&front).await, open(&front).await);
    // Messages are under way in both directions: the Close stands between two of them.
    for _ in 0..50 {
        busy.send(Message::binary(vec![1; 100_000])).await.unwrap();
        if let Message::Binary(bytes) = next(&mut busy).await {
            assert_eq!(bytes.len(), 100_000);
        }
    }
    busy.send(Message::binary(vec![1; 1_000_000])).await.unwrap();
    front.ends.notify(id);
    for socket in [&mut quiet, &mut busy] {
        assert_eq!(closed(socket).await, (4401, "session ended".into()));
    }
    assert_eq!(u16::from(CloseCode::from(4401)), 4401);
    let left = async {
        while !front.ends.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, left).await.unwrap();
}

#[tokio::test]
async fn closes_with_4401_when_the_token_expires() {
    let now = vestibule::clock::Clock::system().now();
    let front = Front::with(&echo().await.url(), |setup| {
        setup.record = Some(Record { access_expires_at: Some(now + 2), ..record() });
    })
    .await;
    let mut socket = open(&front).await;
    assert_eq!(closed(&mut socket).await, (4401, "token expired".into()));
}

#[tokio::test]
async fn closes_when_nothing_moves_for_long() {
    let front =
        Front::with(&echo().await.url(), |setup| setup.config.stream_idle_timeout = Seconds::try_from(0.2).unwrap())
            .await;
    let mut socket = open(&front).await;
    assert_eq!(closed(&mut socket).await, (1001, "idle".into()));
}

#[tokio::test]
async fn gives_its_place_back() {
    let front = Front::with(&echo().await.url(), |setup| setup.config.max_concurrent = 1).await;
    let socket = open(&front).await;
    let Err(Error::Http(response)) = connect(&front, "/live", &[("origin", PUBLIC)]).await else { panic!() };
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(socket);
    let again = async {
        while connect(&front, "/live", &[("origin", PUBLIC)]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, again).await.unwrap();
}

/// Anything but a WebSocket stays plain HTTP.
#[tokio::test]
async fn upgrades_to_nothing_else() {
    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    let asked = crate::client::request("GET", "/api/proxy/x").header("connection", "upgrade").header("upgrade", "h2c");
    let answer = crate::client::send(front.address, asked.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(stub.one().all("upgrade").is_empty());
    let liar = crate::stub::raw(|_, mut stream| async move {
        use tokio::io::AsyncWriteExt;
        crate::stub::read_head(&mut stream).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
            .await
            .unwrap();
    })
    .await;
    let front = Front::to(&format!("http://{liar}")).await;
    assert_eq!(
        crate::client::send(front.address, crate::client::get("/api/proxy/x")).await.status,
        StatusCode::BAD_GATEWAY
    );
}
