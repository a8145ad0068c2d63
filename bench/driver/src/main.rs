//! The loads that wrk and h2load do not make: event streams, WebSockets, large bodies.
//!
//! `driver sse|ws|hold|upload|download ORIGIN COOKIE COUNT SECONDS`
//!
//! `COUNT` is a number of connections, for `upload` and `download` a number of bytes. The last line
//! it prints is `result` with the number of answers and the latencies at 50, 99 and 99.9 % in
//! microseconds. `sse`, `ws` and `hold` print `ready` when all are connected, wait for a line on
//! standard input, and only then count.

mod body;
mod latency;
mod request;
mod socket;
mod stream;

use std::{env, error::Error, time::Duration};

use tokio::io::{AsyncBufReadExt, BufReader, stdin};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Whom to load, and how much.
#[derive(Clone)]
struct Target {
    /// `host:port`.
    address: String,
    cookie: String,
    count: usize,
    time: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [load, address, cookie, count, seconds] = arguments.as_slice() else {
        return Err("usage: driver sse|ws|hold|upload|download HOST:PORT COOKIE COUNT SECONDS".into());
    };
    let target = Target {
        address: address.clone(),
        cookie: cookie.clone(),
        count: count.parse()?,
        time: Duration::from_secs_f64(seconds.parse()?),
    };
    match load.as_str() {
        "sse" => stream::run(target).await,
        "hold" => stream::hold(target).await,
        "ws" => socket::run(target).await,
        "upload" => body::upload(target).await,
        "download" => body::download(target).await,
        _ => Err("there is no such load".into()),
    }
}

/// Tells that all is connected and waits for the word to go.
async fn ready() -> Result<()> {
    println!("ready");
    let mut line = String::new();
    BufReader::new(stdin()).read_line(&mut line).await?;
    Ok(())
}
