//! Why a call over HTTP/1.1 failed.

use std::io;

use axum::BoxError;

/// The largest head that is taken, in bytes.
pub(super) const MAX_HEAD: usize = 256 << 10;

/// Why a call over HTTP/1.1 failed.
#[derive(Debug, thiserror::Error)]
pub(in crate::proxy) enum Error {
    #[error("the connection ended before the answer")]
    Closed,
    #[error("the connection failed")]
    Io(#[source] io::Error),
    #[error("the answer's head cannot be read")]
    Head(#[source] httparse::Error),
    #[error("the answer's head is larger than {MAX_HEAD} bytes")]
    HeadTooLarge,
    #[error("the answer does not say clearly where it ends")]
    Framing,
    #[error("only interim answers come")]
    Interim,
    #[error("the answer's chunks cannot be read")]
    Chunk,
    #[error("the answer broke off")]
    BrokenOff,
    #[error("the request body failed")]
    RequestBody(#[source] BoxError),
    #[error("the request body has another length than its head says")]
    RequestLength,
}

impl Error {
    /// Whether the connection ended, rather than that something wrong came or was to be sent.
    pub(in crate::proxy) fn is_lost(&self) -> bool {
        matches!(self, Self::Closed | Self::Io(_))
    }
}
