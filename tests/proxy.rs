//! The proxy through real sockets: a client, the proxy, a stub upstream.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "proxy/body.rs"]
mod body;
#[path = "proxy/client.rs"]
mod client;
#[path = "proxy/front.rs"]
mod front;
#[path = "proxy/header.rs"]
mod header;
#[path = "proxy/http1.rs"]
mod http1;
#[path = "proxy/http2.rs"]
mod http2;
#[path = "proxy/keep_alive.rs"]
mod keep_alive;
#[path = "proxy/limit.rs"]
mod limit;
#[path = "proxy/method.rs"]
mod method;
#[path = "property/token.rs"]
mod planted_token;
#[path = "proxy/pool.rs"]
mod pool;
#[path = "proxy/route.rs"]
mod route;
#[path = "proxy/same_origin.rs"]
mod same_origin;
#[path = "proxy/session.rs"]
mod session;
#[path = "proxy/stream.rs"]
mod stream;
#[path = "proxy/stub.rs"]
mod stub;
#[path = "proxy/target.rs"]
mod target;
#[path = "proxy/tls.rs"]
mod tls;
#[path = "proxy/token_filter.rs"]
mod token_filter;
#[path = "proxy/websocket.rs"]
mod websocket;
