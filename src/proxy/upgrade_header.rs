//! The header fields of a WebSocket handshake (RFC 6455 §4, RFC 9110 §7.8).

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Version, header, request};
use http_body::Body as _;
use hyper::upgrade::OnUpgrade;

use super::{fields::Fields, hop_by_hop};

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");

/// Takes the client's half of a WebSocket, when a request asks for one (RFC 6455 §4.2.1). To be
/// called before the fields of the connection are removed.
pub(super) fn requested(parts: &mut request::Parts, body: &Body) -> Option<OnUpgrade> {
    let headers = &parts.headers;
    let asks = parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && body.is_end_stream()
        && headers.contains_key(header::UPGRADE)
        && hop_by_hop::has_token(headers, &header::UPGRADE, b"websocket")
        && hop_by_hop::has_token(headers, &header::CONNECTION, b"upgrade");
    if asks { parts.extensions.remove() } else { None }
}

/// Asks for a WebSocket.
pub(super) fn ask(to: &mut impl Fields) {
    to.add(&header::CONNECTION, &UPGRADE);
    to.add(&header::UPGRADE, &WEBSOCKET);
}

/// The fields of the connection that make a handshake (RFC 9110 §7.8).
pub(super) fn mark(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, UPGRADE);
    headers.insert(header::UPGRADE, WEBSOCKET);
}
