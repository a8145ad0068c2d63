//! WebSocket echo: each connection sends its next message when the last one came back.

use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::Instant};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use crate::{Result, Target, latency::Latencies, ready, request};

/// The key of RFC 6455 §1.3: who reads it is a program.
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const MESSAGE: [u8; 128] = [b'm'; 128];

pub async fn run(target: Target) -> Result<()> {
    let head = request::head(&target, "GET", "/echo", UPGRADE);
    let mut sockets = Vec::with_capacity(target.count);
    for _ in 0..target.count {
        let mut stream = request::send(&target, &head).await?;
        request::answer(&mut stream, 101).await?;
        sockets.push(WebSocketStream::from_raw_socket(stream, Role::Client, None).await);
    }
    ready().await?;
    let end = Instant::now() + target.time;
    let players: Vec<_> = sockets.into_iter().map(|socket| tokio::spawn(play(socket, end))).collect();
    let mut all = Latencies::default();
    for player in players {
        all.append(player.await??);
    }
    all.print();
    Ok(())
}

async fn play(mut socket: WebSocketStream<TcpStream>, end: Instant) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    loop {
        let begin = Instant::now();
        if begin >= end {
            return Ok(latencies);
        }
        socket.send(Message::binary(MESSAGE.to_vec())).await?;
        let back = socket.next().await.ok_or("a socket ended")??;
        if back.into_data() != MESSAGE[..] {
            return Err("another message came back".into());
        }
        latencies.add(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
}
