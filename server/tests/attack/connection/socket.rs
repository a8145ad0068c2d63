//! Sockets as an attacker uses them.

use std::{net::SocketAddr, time::Duration};

use axum::body::Bytes;
use h2::client::SendRequest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::program::Program;

/// How long a test waits for what has to come: far more than the limits that it sets.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A connection to the server from this address, like `127.0.0.2`.
pub async fn connect_from(server: &Program, address: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0))?;
    socket.connect(server.address().parse().unwrap()).await
}

pub async fn connect(server: &Program) -> TcpStream {
    connect_from(server, "127.0.0.1").await.unwrap()
}

/// A connection whose client has hardly any room for what it does not read.
pub async fn connect_narrow(server: &Program) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(server.address().parse().unwrap()).await.unwrap()
}

/// All that comes until the server closes.
pub async fn rest(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset ends it as well.
    let read = timeout(PATIENCE, socket.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "still open after {}", String::from_utf8_lossy(&bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends a text, and answers all that comes until the server closes.
pub async fn exchange(server: &Program, text: &str) -> String {
    let mut socket = connect(server).await;
    socket.write_all(text.as_bytes()).await.unwrap();
    rest(&mut socket).await
}

/// Whether somebody at this address is served, over a connection of their own.
pub async fn is_served(server: &Program, address: &str) -> bool {
    let Ok(mut socket) = connect_from(server, address).await else { return false };
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", server.address());
    if socket.write_all(request.as_bytes()).await.is_err() {
        return false;
    }
    let mut response = Vec::new();
    let read = timeout(PATIENCE, socket.read_to_end(&mut response)).await;
    read.is_ok() && response.starts_with(b"HTTP/1.1 200")
}

/// A client of HTTP/2 whose streams may have this window.
pub async fn http2(server: &Program, window: u32) -> SendRequest<Bytes> {
    let socket = connect(server).await;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(window);
    let (client, connection) = builder.handshake(socket).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

/// A request of HTTP/2 of a page of the server's own origin.
pub fn get(server: &Program, path: &str) -> http::Request<()> {
    let request = http::Request::get(format!("{}{path}", server.origin)).header("sec-fetch-site", "same-origin");
    request.body(()).unwrap()
}
