//! What the wire tests share: a stub API, a Redis server, and a client that keeps cookies as a browser
//! does.

pub mod browser;
pub mod redis_server;
pub mod stub;
