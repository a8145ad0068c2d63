//! One HTTP/1.1 request and its answer, for logging in and for trying whether a peer does its work.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Result;

/// How long any part of it may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// An answer, as far as it matters here.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The header lines, as they came.
    pub head: String,
    pub body: String,
}

/// Sends a request and reads the answer to its end.
///
/// # Errors
///
/// When there is no answer.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    exchange(address, method, path, headers, body).map_err(|error| format!("{address} does not answer: {error}"))
}

fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let lines = lines.concat();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{lines}\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(parse(&String::from_utf8_lossy(&bytes)))
}

fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

impl Answer {
    /// The cookies it sets, as the browser sends them back.
    pub fn cookies(&self) -> String {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let set = lines.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")).map(|(_, value)| value);
        let pairs: Vec<&str> = set.map(|value| value.split(';').next().unwrap_or_default()).collect();
        pairs.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_status_cookies_and_body() {
        let answer = parse("HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\nA: b\r\n\r\nbody");
        assert_eq!((answer.status, answer.body.as_str()), (200, "body"));
        assert_eq!(answer.cookies(), "a=1; b=2");
        assert_eq!(parse("nonsense").status, 0);
    }
}
