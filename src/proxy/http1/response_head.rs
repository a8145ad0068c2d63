//! The head of a response (RFC 9112 §2 to §6): status line, header fields, and what they say about the body.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, Method, Response, StatusCode, Version, header, response::Parts};
use httparse::ParserConfig;

use super::{Error, body_decoder::BodyDecoder, error::MAX_HEAD, field::append};
use crate::proxy::hop_by_hop;

/// The most fields that are taken.
const MAX_FIELDS: usize = 128;
/// How many fields are added to most responses on their way: the map does not grow then.
const ADDED: usize = 8;

/// A response's head, and how its body ends.
pub(super) struct Head {
    pub(super) parts: Parts,
    pub(super) body: BodyDecoder,
    /// Whether the connection takes another call after this response (RFC 9112 §9.3).
    pub(super) keep_alive: bool,
}

/// Takes the next head from what was read, if all of it is there. `searched` is how much of it is known to hold no
/// end of a head, for the next time.
///
/// # Errors
/// When it is too large, no HTTP, or does not say clearly where its body ends.
pub(super) fn take(read: &mut BytesMut, searched: &mut usize, method: &Method) -> Result<Option<Head>, Error> {
    let length = length(read, searched);
    if length.unwrap_or(read.len()) > MAX_HEAD {
        return Err(Error::HeadTooLarge);
    }
    let Some(length) = length else { return Ok(None) };
    let mut parts = parse(&read.split_to(length).freeze())?;
    let keep_alive = keeps_alive(&parts);
    let body = body(&mut parts, method)?;
    let keep_alive = match body {
        // RFC 9112 §6.1: what has both, or an encoding in HTTP/1.0, is not to be trusted with more.
        BodyDecoder::Chunked(_) => {
            let alone = parts.headers.remove(header::CONTENT_LENGTH).is_none();
            keep_alive && alone && parts.version == Version::HTTP_11
        }
        BodyDecoder::UntilClose => false,
        BodyDecoder::Length(_) | BodyDecoder::Ended => keep_alive && parts.status != StatusCode::SWITCHING_PROTOCOLS,
    };
    Ok(Some(Head { parts, body, keep_alive }))
}

/// The length of the head, its empty line included. Empty lines before it are none of its own (RFC 9112 §2.2).
fn length(read: &mut BytesMut, searched: &mut usize) -> Option<usize> {
    if *searched == 0 {
        let empty = read.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        read.advance(empty);
    }
    let end = memchr::memchr_iter(b'\n', &read[*searched..]).find_map(|at| match &read[*searched + at + 1..] {
        [b'\n', ..] => Some(*searched + at + 2),
        [b'\r', b'\n', ..] => Some(*searched + at + 3),
        _ => None,
    });
    *searched = if end.is_some() { 0 } else { read.len().saturating_sub(2) };
    end
}

fn parse(head: &Bytes) -> Result<Parts, Error> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut read = httparse::Response::new(&mut []);
    let status = ParserConfig::default().parse_response_with_uninit_headers(&mut read, head, &mut fields);
    if status.map_err(Error::Head)?.is_partial() {
        return Err(Error::Head(httparse::Error::NewLine));
    }
    let mut parts = Response::new(()).into_parts().0;
    let code = read.code.unwrap_or_default();
    parts.status = StatusCode::from_u16(code).map_err(|_| Error::Head(httparse::Error::Status))?;
    parts.version = if read.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    parts.headers = HeaderMap::with_capacity(read.headers.len() + ADDED);
    for field in &*read.headers {
        append(&mut parts.headers, field, head)?;
    }
    Ok(parts)
}

fn keeps_alive(parts: &Parts) -> bool {
    if parts.version == Version::HTTP_10 {
        return hop_by_hop::has_token(&parts.headers, &header::CONNECTION, b"keep-alive");
    }
    !hop_by_hop::has_token(&parts.headers, &header::CONNECTION, b"close")
}

/// Where the body ends (RFC 9112 §6.3).
fn body(parts: &mut Parts, method: &Method) -> Result<BodyDecoder, Error> {
    let length = content_length(&mut parts.headers)?;
    let status = parts.status;
    let bodiless = status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless || method == Method::HEAD {
        return Ok(BodyDecoder::Ended);
    }
    let mut encodings = parts.headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(encoding) = encodings.next() {
        // Any other was not asked for (RFC 9110 §10.1.4), and could not be passed on.
        let chunked = encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") && encodings.next().is_none();
        return if chunked { Ok(BodyDecoder::chunked()) } else { Err(Error::Framing) };
    }
    Ok(length.map_or(BodyDecoder::UntilClose, BodyDecoder::with_length))
}

/// The length of the body, which is said once from then on. Several that are the same are one (RFC 9110 §8.6).
fn content_length(headers: &mut HeaderMap) -> Result<Option<u64>, Error> {
    let fields = headers.get_all(header::CONTENT_LENGTH).iter();
    let mut lengths = fields.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let Some(first) = lengths.next() else { return Ok(None) };
    let length = number(first).ok_or(Error::Framing)?;
    let (mut repeated, mut differs) = (false, false);
    for other in lengths {
        (repeated, differs) = (true, differs || number(other) != Some(length));
    }
    if differs {
        return Err(Error::Framing);
    }
    if repeated {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    Ok(Some(length))
}

/// `1*DIGIT`, without the sign that `parse` would take.
fn number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, method: &Method) -> Result<Option<Head>, Error> {
        take(&mut BytesMut::from(text), &mut 0, method)
    }

    fn got(text: &str) -> Head {
        taken(text, &Method::GET).unwrap().unwrap()
    }

    #[test]
    fn takes_a_head_and_leaves_the_rest() {
        let mut buffer =
            BytesMut::from("\r\nHTTP/1.1 201 Made\r\nX-One: a\r\nx-one:b \r\nContent-Length: 3\r\n\r\nabc");
        let head = take(&mut buffer, &mut 0, &Method::GET).unwrap().unwrap();
        assert_eq!((head.parts.status, head.parts.version), (StatusCode::CREATED, Version::HTTP_11));
        assert_eq!(head.parts.headers.get_all("x-one").iter().collect::<Vec<_>>(), ["a", "b"]);
        assert!(head.keep_alive && matches!(head.body, BodyDecoder::Length(3)));
        assert_eq!(buffer, "abc");
    }

    #[test]
    fn waits_for_all_of_it() {
        let whole = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
        for end in 0..whole.len() {
            assert!(taken(&whole[..end], &Method::GET).unwrap().is_none(), "{end}");
        }
        assert!(taken("HTTP/1.0 200 OK\nA: b\n\n", &Method::GET).unwrap().is_some());
    }

    #[test]
    fn looks_at_nothing_twice() {
        let (mut read, mut searched) = (BytesMut::new(), 0);
        for byte in b"\r\nHTTP/1.1 204 No\r\nA: b\r\n\r\n" {
            assert!(searched <= read.len() && read.len() <= searched + 2);
            read.extend_from_slice(&[*byte]);
            if let Some(head) = take(&mut read, &mut searched, &Method::GET).unwrap() {
                assert_eq!(head.parts.headers["a"], "b");
            }
        }
        assert_eq!((read.len(), searched), (0, 0));
    }

    #[test]
    fn knows_where_the_body_ends() {
        let body = |head: &str| got(&format!("HTTP/1.1 {head}\r\n\r\n")).body;
        assert!(matches!(body("200 OK\r\nContent-Length: 0"), BodyDecoder::Ended));
        assert!(matches!(body("200 OK\r\nContent-Length: 007"), BodyDecoder::Length(7)));
        let head = got("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 7, 7\r\n\r\n");
        assert!(matches!(head.body, BodyDecoder::Length(7)));
        assert_eq!(head.parts.headers.get_all(header::CONTENT_LENGTH).iter().collect::<Vec<_>>(), ["7"]);
        assert!(matches!(body("200 OK\r\nTransfer-Encoding: Chunked"), BodyDecoder::Chunked(_)));
        assert!(matches!(body("200 OK"), BodyDecoder::UntilClose));
        for status in ["100 Continue", "204 No Content", "304 Not Modified"] {
            assert!(matches!(body(&format!("{status}\r\nContent-Length: 7")), BodyDecoder::Ended), "{status}");
        }
        let head = taken("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", &Method::HEAD).unwrap().unwrap();
        assert!(matches!(head.body, BodyDecoder::Ended));
    }

    /// RFC 9112 §6.3: a length beside an encoding does not count, and must not go on.
    #[test]
    fn takes_the_encoding_rather_than_the_length() {
        let head = got("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert!(matches!(head.body, BodyDecoder::Chunked(_)));
        assert!(!head.keep_alive && !head.parts.headers.contains_key(header::CONTENT_LENGTH));
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        for fields in [
            "Content-Length: 7\r\nContent-Length: 8",
            "Content-Length: 7, 8",
            "Content-Length: +7",
            "Content-Length: 0x7",
            "Content-Length:",
            "Content-Length: 18446744073709551616",
            "Transfer-Encoding: gzip",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: identity",
        ] {
            let refused = taken(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"), &Method::GET);
            assert!(matches!(refused, Err(Error::Framing)), "{fields}");
        }
    }

    #[test]
    fn refuses_what_is_no_http() {
        for text in [
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1 099 Low\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        ] {
            assert!(matches!(taken(text, &Method::GET), Err(Error::Head(_))), "{text}");
        }
        let many = "a: b\r\n".repeat(MAX_FIELDS + 1);
        assert!(matches!(taken(&format!("HTTP/1.1 200 OK\r\n{many}\r\n"), &Method::GET), Err(Error::Head(_))));
        let long = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(MAX_HEAD));
        assert!(matches!(taken(&long, &Method::GET), Err(Error::HeadTooLarge)));
    }

    #[test]
    fn knows_which_connections_stay() {
        for (head, stays) in [
            ("HTTP/1.1 204 OK", true),
            ("HTTP/1.1 204 OK\r\nConnection: x, Close", false),
            ("HTTP/1.0 204 OK", false),
            ("HTTP/1.0 204 OK\r\nConnection: Keep-Alive", true),
            ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nTransfer-Encoding: chunked", false),
            ("HTTP/1.1 200 OK", false),
            ("HTTP/1.1 101 Switching", false),
        ] {
            assert_eq!(got(&format!("{head}\r\n\r\n")).keep_alive, stays, "{head}");
        }
    }
}
