//! New connections to upstreams.

use std::sync::{Arc, atomic::AtomicUsize};

use hyper::client::conn::http2;

use super::{http1::Connection, upload::RequestBody};

pub(super) type Sender = http2::SendRequest<RequestBody>;

/// A new connection, ready for a call.
pub(super) enum NewConnection {
    Http1(Box<Connection>),
    Http2(NewHttp2),
}

/// A new HTTP/2 connection.
pub(super) struct NewHttp2 {
    pub(super) sender: Sender,
    /// How many streams the upstream allows at the moment.
    pub(super) allowed: Arc<AtomicUsize>,
}
