//! A call as the upstream gets it, made from what the client sent.
//!
//! It is made of the client's fields, which stay as they are. So it can be made once more, for another
//! connection or with another token, and calls that need no second time pay for none.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header, request::Parts, uri::PathAndQuery};

use super::{Shared, failure::Failure, forwarded::Client, request, route::Route, upload::RequestBody};
use crate::secret::Secret;

/// How many more fields a call mostly has than the client sent: ten are added at most, and its `Host` and `Cookie`
/// stay here. A map with room to spare is twice as large, and is kept for as long as the connection.
const ADDED: usize = 6;

/// How much is mostly written for a call, in bytes: all values in one allocation.
const TEXT: usize = 256;

/// What a call is made of.
pub(super) struct Draft {
    pub(super) method: Method,
    path_and_query: PathAndQuery,
    version: Version,
    /// What the client sent, with a request id and a trace.
    pub(super) fields: HeaderMap,
    client: Option<Client>,
    /// The id that log lines have.
    pub(super) id: HeaderValue,
    /// Whether the body's length is not known.
    pub(super) chunked: bool,
    /// The body, unless it is streamed: then it cannot be sent again.
    pub(super) body: Option<Bytes>,
}

impl Draft {
    /// What is to be sent to `path_and_query` for a client at `peer`.
    pub(super) fn new(shared: &Shared, path_and_query: PathAndQuery, peer: Option<SocketAddr>, parts: Parts) -> Self {
        let mut fields = parts.headers;
        let mut text = BytesMut::with_capacity(TEXT);
        let client = shared.forwarding.describe(&fields, peer, &mut text);
        let id = request::identify(&mut fields, &mut text);
        let Parts { method, version, .. } = parts;
        Self { method, path_and_query, version, fields, client, id, chunked: false, body: Some(Bytes::new()) }
    }

    /// The call with the session's token and this body.
    ///
    /// # Errors
    /// When the token has a character that no header may have.
    pub(super) fn request(
        &self,
        shared: &Shared,
        route: &Route,
        token: Option<&Secret>,
        body: RequestBody,
    ) -> Result<Request<RequestBody>, Failure> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from(self.path_and_query.clone());
        *request.headers_mut() = self.headers(shared, route, token)?;
        Ok(request)
    }

    fn headers(&self, shared: &Shared, route: &Route, token: Option<&Secret>) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::with_capacity(self.fields.len() + ADDED);
        headers.append(header::HOST, route.host.clone());
        request::copy(&self.fields, shared.credential.own_header(), &mut headers);
        shared.forwarding.write(self.client.as_ref(), &mut headers);
        headers.append(header::VIA, request::via(self.version));
        if request::takes_trailers(&self.fields) {
            request::take_trailers(&mut headers);
        }
        if self.chunked {
            // Said for each method, as hyper takes a GET to have no body unless it is told.
            headers.append(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        if let Some(token) = token {
            shared.credential.apply(token, &mut headers).map_err(Failure::Token)?;
        }
        Ok(headers)
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

    #[test]
    fn repeats_only_idempotent_methods() {
        let draft = |method: &str| {
            let (parts, ()) = Request::builder().method(method).body(()).unwrap().into_parts();
            let path_and_query = PathAndQuery::from_static("/");
            let (version, id) = (parts.version, HeaderValue::from_static("1"));
            Draft {
                method: parts.method,
                path_and_query,
                version,
                fields: parts.headers,
                client: None,
                id,
                chunked: false,
                body: None,
            }
        };
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
            assert!(draft(method).is_idempotent(), "{method}");
        }
        for method in ["POST", "PATCH", "PROPFIND", "get"] {
            assert!(!draft(method).is_idempotent(), "{method}");
        }
    }
}
