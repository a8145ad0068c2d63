//! Requests as a page of the proxy's own origin sends them.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{Result, Target};

const MAX_HEAD: usize = 16 * 1024;

/// The head of a request; `more` are further header lines.
pub fn head(target: &Target, method: &str, path: &str, more: &str) -> String {
    let Target { address, cookie, .. } = target;
    format!(
        "{method} /api/proxy{path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nOrigin: http://{address}\r\n\
         Sec-Fetch-Site: same-origin\r\n{more}\r\n"
    )
}

/// Connects and sends `head`.
pub async fn send(target: &Target, head: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(&target.address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

/// Reads the head of an answer with `status`; what came after it is in the buffer.
pub async fn answer(stream: &mut TcpStream, status: u16) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
            if text.split(' ').nth(1) != Some(&status.to_string()) {
                return Err(format!("answered {:?}", text.lines().next().unwrap_or_default()).into());
            }
            return Ok(bytes.split_off(end + 4));
        }
        if bytes.len() > MAX_HEAD || stream.read_buf(&mut bytes).await? == 0 {
            return Err("the answer ended in its head".into());
        }
    }
}
