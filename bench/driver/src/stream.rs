//! Event streams.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::{Result, Target, latency::Latencies, ready, request};

/// Streams opened one after the other before the next are begun: a crowd at once would overflow the
/// proxies' backlogs.
const AT_ONCE: usize = 50;

/// Counts the events of many streams, and how long each was under way.
pub async fn run(target: Target) -> Result<()> {
    let streams = open(&target, "/events").await?;
    ready().await?;
    let end = Instant::now() + target.time;
    let readers: Vec<_> = streams.into_iter().map(|stream| tokio::spawn(read(stream, end))).collect();
    let mut all = Latencies::default();
    for reader in readers {
        all.append(reader.await??);
    }
    all.print();
    Ok(())
}

/// Keeps many streams open and reads what comes, for the memory they cost.
pub async fn hold(target: Target) -> Result<()> {
    let streams = open(&target, "/quiet-events").await?;
    let far = Instant::now() + Duration::from_hours(1);
    let readers: Vec<_> = streams.into_iter().map(|stream| tokio::spawn(read_quietly(stream, far))).collect();
    ready().await?;
    let lost = readers.iter().filter(|reader| reader.is_finished()).count();
    if lost > 0 {
        return Err(format!("{lost} streams ended").into());
    }
    println!("result {} 0 0 0", readers.len());
    Ok(())
}

async fn open(target: &Target, path: &str) -> Result<Vec<TcpStream>> {
    let head = request::head(target, "GET", path, "Accept: text/event-stream\r\n");
    let mut streams = Vec::with_capacity(target.count);
    while streams.len() < target.count {
        let some = AT_ONCE.min(target.count - streams.len());
        let opening: Vec<_> = (0..some)
            .map(|_| {
                let (target, head) = (target.clone(), head.clone());
                tokio::spawn(async move {
                    let mut stream = request::send(&target, &head).await?;
                    request::answer(&mut stream, 200).await?;
                    Result::Ok(stream)
                })
            })
            .collect();
        for stream in opening {
            streams.push(stream.await??);
        }
    }
    Ok(streams)
}

/// Chunk sizes stand between the events; they do not matter to who looks for `"sent":`.
async fn read(mut stream: TcpStream, end: Instant) -> Result<Latencies> {
    const MARK: &[u8] = b"\"sent\":";
    let mut latencies = Latencies::default();
    let mut bytes = Vec::with_capacity(4096);
    let begin = now();
    while let Ok(length) = timeout_at(end, stream.read_buf(&mut bytes)).await {
        if length? == 0 {
            return Err("a stream ended".into());
        }
        let arrived = now();
        // The last line may be half here: it is kept.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut rest = &bytes[..whole];
        while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) {
            rest = &rest[at + MARK.len()..];
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
            let sent = digits.fold(0, |number: u64, digit| number * 10 + u64::from(digit - b'0'));
            // What waited in the socket from before the start is not counted.
            if sent >= begin {
                latencies.add(arrived.saturating_sub(sent));
            }
        }
        bytes.drain(..whole);
    }
    Ok(latencies)
}

async fn read_quietly(mut stream: TcpStream, end: Instant) -> Result<()> {
    let mut bytes = [0; 1024];
    while let Ok(length) = timeout_at(end, stream.read(&mut bytes)).await {
        if length? == 0 {
            return Err("a stream ended".into());
        }
    }
    Ok(())
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    u64::try_from(now).unwrap_or(u64::MAX)
}
