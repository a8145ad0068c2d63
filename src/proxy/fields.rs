//! The destination of header fields: a map, or text for a connection.

use bytes::{BufMut, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Takes header fields, one after the other.
pub(super) trait Fields {
    /// Adds a field, after others of its name.
    fn add(&mut self, name: &HeaderName, value: &HeaderValue);
}

impl Fields for HeaderMap {
    fn add(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.append(name.clone(), value.clone());
    }
}

/// As HTTP/1.1 has them (RFC 9112 §5). Neither a name nor a value can hold the end of a line.
impl Fields for BytesMut {
    fn add(&mut self, name: &HeaderName, value: &HeaderValue) {
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        self.reserve(name.len() + value.len() + 4);
        for part in [name, b": ", value, b"\r\n"] {
            self.put_slice(part);
        }
    }
}
