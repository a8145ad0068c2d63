//! What the wire tests share: a stub API, and a client that keeps cookies as a browser does.

pub mod browser;
pub mod stub;
