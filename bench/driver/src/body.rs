//! Large bodies, one at a time.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use crate::{Result, Target, latency::Latencies, request};

const PIECE: usize = 256 * 1024;

pub async fn upload(target: Target) -> Result<()> {
    let begin = Instant::now();
    let length = format!("Content-Type: application/octet-stream\r\nContent-Length: {}\r\n", target.count);
    let mut stream = request::send(&target, &request::head(&target, "POST", "/upload", &length)).await?;
    let piece = vec![b'z'; PIECE];
    let mut left = target.count;
    while left > 0 {
        let some = left.min(PIECE);
        stream.write_all(&piece[..some]).await?;
        left -= some;
    }
    request::answer(&mut stream, 200).await?;
    done(begin);
    Ok(())
}

pub async fn download(target: Target) -> Result<()> {
    let begin = Instant::now();
    let path = format!("/download?bytes={}", target.count);
    let mut stream = request::send(&target, &request::head(&target, "GET", &path, "")).await?;
    let mut left = target.count.saturating_sub(request::answer(&mut stream, 200).await?.len());
    let mut bytes = vec![0; PIECE];
    while left > 0 {
        match stream.read(&mut bytes).await? {
            0 => return Err(format!("the answer ended {left} bytes early").into()),
            length => left = left.saturating_sub(length),
        }
    }
    done(begin);
    Ok(())
}

fn done(begin: Instant) {
    let mut latencies = Latencies::default();
    latencies.add(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
    latencies.print();
}
