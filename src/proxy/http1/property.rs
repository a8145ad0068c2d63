//! Properties that hold for any bytes that an upstream sends. The unit tests try it with responses that they make and break; a
//! fuzzer looks for others (`fuzz/README.md`).

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::{MAX_INTERIM, body_decoder::BodyDecoder, response_head};

/// More than what is sent at once in one of these responses.
const BUFFER: usize = 1 << 20;

/// A response that was taken: its status, its body, and how many bytes after it were left.
type Taken = Option<(StatusCode, Vec<u8>, usize)>;

/// Checks one input: the first byte says where it is cut, the rest is a response to a GET.
///
/// # Panics
/// When a cut changes what is taken, when more is taken than was sent, or when hyper's client, which also took the
/// response, took another one.
pub fn holds(input: &[u8]) {
    let Some((cut, response)) = input.split_first() else { return };
    let whole = taken(&[response]);
    let (first, second) = response.split_at(usize::from(*cut).min(response.len()));
    assert_eq!(whole, taken(&[first, second]), "a cut at {cut} changes the response");
    let bytes: Vec<&[u8]> = response.chunks(1).collect();
    assert_eq!(whole, taken(&bytes), "single bytes change the response");
    let Some((status, body, left)) = whole else { return };
    assert!(body.len() + left < response.len(), "more was taken than was sent");
    if let Some(other) = taken_by_hyper(response) {
        assert_eq!((status, body), other, "hyper's client reads another response");
    }
}

/// The part that this module reads of a response that comes in `pieces` before the upstream closes.
fn taken(pieces: &[&[u8]]) -> Taken {
    let (mut read, mut searched, mut interim) = (BytesMut::new(), 0, MAX_INTERIM);
    let (mut open, mut data): (Option<(StatusCode, BodyDecoder)>, Vec<u8>) = (None, Vec::new());
    for piece in pieces {
        read.extend_from_slice(piece);
        while open.is_none() {
            let Some(head) = response_head::take(&mut read, &mut searched, &Method::GET).ok()? else { break };
            if head.parts.status.is_informational() {
                interim = interim.checked_sub(1)?;
                continue;
            }
            open = Some((head.parts.status, head.body));
        }
        let Some((_, body)) = &mut open else { continue };
        while let Some(frame) = body.take(&mut read).ok()? {
            data.extend(frame.into_data().into_iter().flatten());
        }
    }
    let (status, mut body) = open?;
    body.close().ok()?;
    Some((status, data, read.len()))
}

/// The part that hyper's client reads of it.
fn taken_by_hyper(response: &[u8]) -> Option<(StatusCode, Vec<u8>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    runtime.block_on(async {
        let (client, mut upstream) = duplex(BUFFER);
        let (mut sender, connection) = handshake(TokioIo::new(client)).await.ok()?;
        let connection = tokio::spawn(connection);
        let request = http::Request::get("/").header("host", "upstream").body(Empty::<Bytes>::new()).ok()?;
        let answering = async {
            // A response before the request would be refused.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                upstream.read_buf(&mut request).await.ok().filter(|length| *length > 0)?;
            }
            upstream.write_all(response).await.ok()?;
            upstream.shutdown().await.ok()
        };
        let (received, _) = tokio::join!(sender.send_request(request), answering);
        let received = received.ok()?;
        let status = received.status();
        let body = received.into_body().collect().await.ok()?.to_bytes().to_vec();
        connection.abort();
        Some((status, body))
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;

    /// A whole response with its body, by how its length is told.
    fn response() -> impl Strategy<Value = Vec<u8>> {
        let chunked = vec(vec(any::<u8>(), 1..40), 0..5).prop_map(|chunks| {
            let mut text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in chunks {
                text.extend_from_slice(format!("{:x};a=b\r\n", chunk.len()).as_bytes());
                text.extend_from_slice(&chunk);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\nX-Sum: 1\r\n\r\n");
            text
        });
        let with_length = vec(any::<u8>(), 0..80).prop_map(|body| {
            let head = format!("HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: {}\r\n\r\n", body.len());
            [head.into_bytes(), body].concat()
        });
        let until_close =
            vec(any::<u8>(), 0..80).prop_map(|body| [b"HTTP/1.0 201 Created\r\n\r\n".to_vec(), body].concat());
        let interim = Just(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n".to_vec());
        prop_oneof![4 => chunked, 4 => with_length, 1 => until_close, 1 => interim]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn a_whole_response_is_taken_by_both(response in response(), cut in any::<u8>()) {
            let (status, body, left) = taken(&[&response]).unwrap();
            prop_assert_eq!(left, 0);
            prop_assert_eq!((status, body), taken_by_hyper(&response).unwrap());
            holds(&[vec![cut], response].concat());
        }

        /// One byte is another, is missing or comes twice: refused, or read as hyper's client reads it.
        #[test]
        fn a_broken_response_is_read_in_one_way(
            response in response(),
            (at, byte, change) in (any::<Index>(), prop::sample::select(&b"\r\n 0af;:x\0\xff"[..]), 0..3_u8),
            cut in any::<u8>(),
        ) {
            let (mut broken, at) = (response.clone(), at.index(response.len()));
            match change {
                0 => broken[at] = byte,
                1 => drop(broken.remove(at)),
                _ => broken.insert(at, byte),
            }
            holds(&[vec![cut], broken].concat());
        }
    }
}
