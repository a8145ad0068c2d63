//! Connects the log lines of one call: the request id and the W3C trace context.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::random::Random;

/// The header with the request id, on requests and responses.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The longest request id that is taken over from a request.
const MAX_ID: usize = 128;

/// The request's id: the one that a layer before or the client set, when it is fit for a log, else a
/// new one, written into `text`. The headers then hold it.
pub(super) fn request_id(headers: &mut HeaderMap, text: &mut BytesMut) -> HeaderValue {
    let mut given = headers.get_all(&X_REQUEST_ID).iter();
    if let (Some(id), None) = (given.next(), given.next())
        && is_id(id.as_bytes())
    {
        return id.clone();
    }
    let mut digits = [0; 32];
    write_hex(&mut digits, &Random::system().bytes::<16>());
    let id = value(text, &digits);
    headers.insert(X_REQUEST_ID, id.clone());
    id
}

fn is_id(id: &[u8]) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte))
}

/// Passes a trace on or starts one (W3C Trace Context §3.2, §4.3), written into `text`.
///
/// A trace that starts here asks to be recorded: an upstream that follows its caller's choice would
/// otherwise never record one.
pub(super) fn trace(headers: &mut HeaderMap, text: &mut BytesMut) {
    let mut given = headers.get_all(&TRACEPARENT).iter();
    if let (Some(one), None) = (given.next(), given.next())
        && is_traceparent(one.as_bytes())
    {
        return;
    }
    headers.remove(&TRACESTATE);
    headers.insert(TRACEPARENT, value(text, &new_traceparent(Random::system().bytes())));
}

fn new_traceparent(random: [u8; 24]) -> [u8; 55] {
    let (mut trace, mut span) = ([0; 16], [0; 8]);
    trace.copy_from_slice(&random[..16]);
    span.copy_from_slice(&random[16..]);
    // All zeros would be invalid: a set bit in each rules that out.
    trace[15] |= 1;
    span[7] |= 1;
    let mut text = *b"00-________________________________-________________-01";
    write_hex(&mut text[3..35], &trace);
    write_hex(&mut text[36..52], &span);
    text
}

/// `version "-" trace-id "-" parent-id "-" flags`; later versions may append more.
fn is_traceparent(value: &[u8]) -> bool {
    let hex = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let zero = |part: &[u8]| part.iter().all(|byte| *byte == b'0');
    if value.len() < 55 || [2, 35, 52].iter().any(|at| value[*at] != b'-') {
        return false;
    }
    let (version, trace, span, flags) = (&value[..2], &value[3..35], &value[36..52], &value[53..55]);
    let end = value.len() == 55 || (version != b"00" && value[55] == b'-');
    [version, trace, span, flags].into_iter().all(hex) && version != b"ff" && !zero(trace) && !zero(span) && end
}

/// Writes two digits for each byte; the formatting machinery takes five times as long.
fn write_hex(text: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (place, byte) in text.chunks_exact_mut(2).zip(bytes) {
        place[0] = DIGITS[usize::from(byte >> 4)];
        place[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// A value in the memory of `text`. Hexadecimal digits and hyphens are fit for a header.
fn value(text: &mut BytesMut, value: &[u8]) -> HeaderValue {
    text.extend_from_slice(value);
    HeaderValue::from_maybe_shared(text.split().freeze()).unwrap_or(HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn keeps_a_fit_request_id_and_replaces_others() {
        for (given, kept) in [("01-abc", true), ("", false), ("a b", false), ("a\"b", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_static(given));
            let id = request_id(&mut headers, &mut BytesMut::new());
            assert_eq!(id == given, kept, "{given}");
            assert_eq!(headers[&X_REQUEST_ID], id);
        }
        let long = "a".repeat(MAX_ID + 1);
        assert!(!is_id(long.as_bytes()));
    }

    #[test]
    fn makes_a_different_id_each_time() {
        let (mut one, mut two) = (HeaderMap::new(), HeaderMap::new());
        let mut text = BytesMut::new();
        assert_ne!(request_id(&mut one, &mut text), request_id(&mut two, &mut text));
    }

    #[test]
    fn passes_a_valid_trace_with_its_state() {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(VALID));
        headers.insert(TRACESTATE, HeaderValue::from_static("a=1"));
        trace(&mut headers, &mut BytesMut::new());
        assert_eq!(headers[&TRACEPARENT], VALID);
        assert_eq!(headers[&TRACESTATE], "a=1");
    }

    #[test]
    fn starts_a_trace_where_there_is_none_to_pass() {
        for given in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TRACEPARENT, HeaderValue::from_static(given));
            headers.insert(TRACESTATE, HeaderValue::from_static("a=1"));
            trace(&mut headers, &mut BytesMut::new());
            assert!(is_traceparent(headers[&TRACEPARENT].as_bytes()), "{given}");
            assert_ne!(headers[&TRACEPARENT], given);
            assert!(!headers.contains_key(&TRACESTATE));
        }
    }

    #[test]
    fn starts_no_trace_of_zeros() {
        assert_eq!(new_traceparent([0; 24]), *b"00-00000000000000000000000000000001-0000000000000001-01");
        assert_eq!(new_traceparent([0xab; 24]), *b"00-abababababababababababababababab-abababababababab-01");
    }

    #[test]
    fn reads_later_versions() {
        assert!(is_traceparent(b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"));
        assert!(!is_traceparent(b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more"));
    }
}
