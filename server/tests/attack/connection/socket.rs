//! Raw sockets for attacks.

use std::{net::SocketAddr, time::Duration};

use axum::body::Bytes;
use h2::client::SendRequest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::program::Program;

/// How long a test waits: far longer than the limits that it sets.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// A connection to the server from this address, like `127.0.0.2`.
pub async fn connect_from(server: &Program, address: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0))?;
    socket.connect(server.address().parse().unwrap()).await
}

pub async fn connect(server: &Program) -> TcpStream {
    connect_from(server, "127.0.0.1").await.unwrap()
}

/// A connection whose client has a very small receive buffer.
pub async fn connect_narrow(server: &Program) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(server.address().parse().unwrap()).await.unwrap()
}

/// Everything that the server sends until it closes.
pub async fn rest(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset also ends the read.
    let read = timeout(TIMEOUT, socket.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "still open after {}", String::from_utf8_lossy(&bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends `text` and returns everything that the server sends until it closes.
pub async fn exchange(server: &Program, text: &str) -> String {
    let mut socket = connect(server).await;
    socket.write_all(text.as_bytes()).await.unwrap();
    rest(&mut socket).await
}

/// Whether a client at this address is served on a new connection.
pub async fn is_served(server: &Program, address: &str) -> bool {
    let Ok(mut socket) = connect_from(server, address).await else { return false };
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", server.address());
    if socket.write_all(request.as_bytes()).await.is_err() {
        return false;
    }
    let mut response = Vec::new();
    let read = timeout(TIMEOUT, socket.read_to_end(&mut response)).await;
    read.is_ok() && response.starts_with(b"HTTP/1.1 200")
}

/// An HTTP/2 client with this stream window.
pub async fn http2(server: &Program, window: u32) -> SendRequest<Bytes> {
    let socket = connect(server).await;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(window);
    let (client, connection) = builder.handshake(socket).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

/// An HTTP/2 request from a page of the server's own origin.
pub fn get(server: &Program, path: &str) -> http::Request<()> {
    let request = http::Request::get(format!("{}{path}", server.origin)).header("sec-fetch-site", "same-origin");
    request.body(()).unwrap()
}
