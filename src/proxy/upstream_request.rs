//! A call as the upstream gets it, made from what the client sent.
//!
//! It is made of the client's fields, which stay as they are. So it can be made once more, for another
//! connection or with another token, and calls that need no second time pay for none.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri, Version, header,
    request::Parts,
    uri::{self, PathAndQuery},
};

use super::{
    Shared, error::ProxyError, fields::Fields, forwarded::Client, http1::Framing, request, request::Encoded,
    route::Route, upgrade_header, upload::RequestBody,
};
use crate::secret::Secret;

/// How many more fields a call mostly has than the client sent: ten are added at most, and its `Host` and `Cookie`
/// stay here. A map with room to spare is twice as large, and is kept for as long as the connection.
const ADDED: usize = 6;

/// How much is mostly written for a call, in bytes: all values in one allocation.
const TEXT: usize = 256;

/// How long a head mostly is, in bytes.
const HEAD: usize = 1 << 10;

/// The request to an upstream.
pub(super) struct UpstreamRequest {
    pub(super) method: Method,
    path_and_query: PathAndQuery,
    version: Version,
    /// The client's headers, with a request id and a trace.
    pub(super) fields: HeaderMap,
    client: Option<Client>,
    /// The id that log lines have.
    pub(super) id: HeaderValue,
    /// The length of a streamed body, when it is known.
    pub(super) streamed: Option<u64>,
    /// The body, unless it is streamed: then it cannot be sent again.
    pub(super) body: Option<Bytes>,
}

impl UpstreamRequest {
    /// The request to `path_and_query` for a client at `peer`.
    pub(super) fn new(shared: &Shared, path_and_query: PathAndQuery, peer: Option<SocketAddr>, parts: Parts) -> Self {
        let mut fields = parts.headers;
        let mut text = BytesMut::with_capacity(TEXT);
        let client = shared.forwarding.describe(&fields, peer, &mut text);
        let id = request::identify(&mut fields, &mut text);
        let Parts { method, version, .. } = parts;
        Self { method, path_and_query, version, fields, client, id, streamed: None, body: Some(Bytes::new()) }
    }

    /// The path and query that the upstream is asked for.
    pub(super) fn asked(&self) -> &PathAndQuery {
        &self.path_and_query
    }

    /// Writes the call's head as HTTP/1.1 has it (RFC 9112 §3, §5). An `upgrade` is one to a WebSocket.
    ///
    /// # Errors
    /// When the token has a character that no header may have.
    pub(super) fn write_head(
        &self,
        shared: &Shared,
        route: &Route,
        token: Option<&Secret>,
        upgrade: bool,
        to: &mut BytesMut,
    ) -> Result<(), ProxyError> {
        to.clear();
        to.reserve(HEAD);
        for part in [self.method.as_str(), " ", self.path_and_query.as_str(), " HTTP/1.1\r\n"] {
            to.extend_from_slice(part.as_bytes());
        }
        to.add(&header::HOST, &route.host);
        self.write_fields(shared, route, token, to)?;
        if upgrade {
            upgrade_header::ask(to);
        } else if request::takes_trailers(&self.fields) {
            request::take_trailers(to);
        }
        match self.framing() {
            Framing::Chunked => to.add(&header::TRANSFER_ENCODING, &HeaderValue::from_static("chunked")),
            Framing::Length(_) => self.write_length(to),
        }
        to.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// The call as HTTP/2 has it: the host in `:authority`, and no fields about the connection
    /// (RFC 9113 §8.2.2, §8.3.1).
    ///
    /// # Errors
    /// When the token has a character that no header may have, or the path does not fit.
    pub(super) fn http2_request(
        &self,
        shared: &Shared,
        route: &Route,
        token: Option<&Secret>,
        body: RequestBody,
    ) -> Result<Request<RequestBody>, ProxyError> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        let mut parts = uri::Parts::default();
        parts.scheme = Some(route.scheme.clone());
        parts.authority = Some(route.authority.clone());
        parts.path_and_query = Some(self.path_and_query.clone());
        *request.uri_mut() = Uri::from_parts(parts).map_err(|error| ProxyError::Path(error.into()))?;
        let mut headers = HeaderMap::with_capacity(self.fields.len() + ADDED);
        self.write_fields(shared, route, token, &mut headers)?;
        self.write_length(&mut headers);
        if request::takes_trailers(&self.fields) {
            headers.append(header::TE, HeaderValue::from_static("trailers"));
        }
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// The fields that are the same in each version of HTTP.
    fn write_fields(
        &self,
        shared: &Shared,
        route: &Route,
        token: Option<&Secret>,
        to: &mut impl Fields,
    ) -> Result<(), ProxyError> {
        let encoded = if route.rules.searches { Encoded::Searchable } else { Encoded::Any };
        request::copy(&self.fields, shared.credential.own_header(), encoded, to);
        shared.forwarding.write(self.client.as_ref(), to);
        to.add(&header::VIA, &request::via(self.version));
        if let Some(token) = token {
            let value = shared.credential.value(token).map_err(ProxyError::Token)?;
            to.add(shared.credential.name(), &value);
        }
        Ok(())
    }

    /// How the upstream learns where the body ends.
    pub(super) fn framing(&self) -> Framing {
        self.length().map_or(Framing::Chunked, Framing::Length)
    }

    /// The body's length, when it is known.
    fn length(&self) -> Option<u64> {
        match &self.body {
            Some(body) => Some(body.len() as u64),
            None => self.streamed,
        }
    }

    /// Says how long the body is: as it is sent, whatever the client said. That there is none is said where one is
    /// expected (RFC 9110 §8.6), or when the client says it.
    fn write_length(&self, to: &mut impl Fields) {
        let Some(length) = self.length() else { return };
        let expected = matches!(self.method, Method::POST | Method::PUT | Method::PATCH);
        if length > 0 || expected || self.fields.contains_key(header::CONTENT_LENGTH) {
            to.add(&header::CONTENT_LENGTH, &length.into());
        }
    }

    /// The body, when it can be sent again.
    pub(super) fn replayable(&self) -> Option<RequestBody> {
        self.body.clone().map(RequestBody::from)
    }

    /// Whether the client waits for a 100 before it sends the body (RFC 9110 §10.1.1).
    pub(super) fn expects_continue(&self) -> bool {
        let expects = self.fields.get(header::EXPECT);
        expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    }

    /// RFC 9110 §9.2.2.
    pub(super) fn is_idempotent(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::{Proxy, tests};

    fn proxy() -> Proxy {
        tests::proxy("http://api.internal:4000")
    }

    fn upstream_request(
        proxy: &Proxy,
        method: &str,
        fields: &[(&'static str, &'static str)],
        body: Option<&'static str>,
    ) -> UpstreamRequest {
        let mut request = Request::builder().method(method);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let mut upstream_request = UpstreamRequest::new(proxy.shared(), PathAndQuery::from_static("/a?b"), None, parts);
        upstream_request.body = body.map(Bytes::from);
        upstream_request
    }

    #[test]
    fn writes_the_length_that_is_sent() {
        let (proxy, named) = (proxy(), ("connection", "content-length"));
        for (method, fields, body, length) in [
            ("GET", vec![], "", None),
            ("GET", vec![("content-length", "0")], "", Some("0")),
            ("GET", vec![("content-length", "3")], "abc", Some("3")),
            ("POST", vec![], "", Some("0")),
            ("PUT", vec![("transfer-encoding", "chunked"), ("content-length", "9")], "abc", Some("3")),
            ("POST", vec![("content-length", "3"), named], "abc", Some("3")),
            ("POST", vec![("content-length", "3"), ("content-length", "3")], "abc", Some("3")),
        ] {
            let upstream_request = upstream_request(&proxy, method, &fields, Some(body));
            let route = &proxy.shared().routes[0];
            let mut head = BytesMut::new();
            upstream_request.write_head(proxy.shared(), route, None, false, &mut head).unwrap();
            let head = String::from_utf8(head.to_vec()).unwrap();
            assert!(head.starts_with(&format!("{method} /a?b HTTP/1.1\r\nhost: api.internal:4000\r\n")), "{head}");
            assert!(head.ends_with("\r\n\r\n"), "{head}");
            let lengths: Vec<_> = head.lines().filter_map(|line| line.strip_prefix("content-length: ")).collect();
            assert_eq!(lengths, Vec::from_iter(length), "{head}");
            let request = upstream_request.http2_request(proxy.shared(), route, None, RequestBody::Empty).unwrap();
            let lengths: Vec<_> = request.headers().get_all(header::CONTENT_LENGTH).iter().collect();
            assert_eq!(lengths, Vec::from_iter(length), "{fields:?}");
        }
    }

    #[test]
    fn says_chunked_when_no_length_is_known() {
        let proxy = proxy();
        let upstream_request = upstream_request(&proxy, "GET", &[("content-length", "3")], None);
        let mut head = BytesMut::new();
        upstream_request.write_head(proxy.shared(), &proxy.shared().routes[0], None, false, &mut head).unwrap();
        let head = String::from_utf8(head.to_vec()).unwrap();
        assert!(head.contains("\r\ntransfer-encoding: chunked\r\n") && !head.contains("content-length"), "{head}");
    }

    #[test]
    fn takes_the_http2_form() {
        let proxy = proxy();
        let upstream_request = upstream_request(&proxy, "GET", &[("te", "trailers"), ("connection", "te")], Some(""));
        let request = upstream_request
            .http2_request(proxy.shared(), &proxy.shared().routes[0], None, RequestBody::Empty)
            .unwrap();
        assert_eq!(*request.uri(), "http://api.internal:4000/a?b");
        assert_eq!(request.headers()[header::TE], "trailers");
        for name in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING] {
            assert!(!request.headers().contains_key(&name), "{name}");
        }
    }

    #[test]
    fn repeats_only_idempotent_methods() {
        let proxy = proxy();
        let upstream_request = |method: &str| upstream_request(&proxy, method, &[], None);
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
            assert!(upstream_request(method).is_idempotent(), "{method}");
        }
        for method in ["POST", "PATCH", "PROPFIND", "get"] {
            assert!(!upstream_request(method).is_idempotent(), "{method}");
        }
    }
}
