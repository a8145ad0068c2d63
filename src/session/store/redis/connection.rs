//! Settings of connections to Redis.

use std::{io, time::Duration};

use redis::{AsyncConnectionConfig, RedisError, io::tcp::TcpSettings};
use socket2::TcpKeepalive;

/// The timeout of one connection attempt.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The timeout of one attempt at a command, including the connection.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum number of commands in the send buffer.
pub(super) const BUFFER: usize = 1024;

pub(super) fn timeout_error() -> RedisError {
    RedisError::from(io::Error::new(io::ErrorKind::TimedOut, "the response timed out"))
}

/// Sends commands without delay, and detects a dead peer by keepalive, as a subscriber sends nothing by itself.
pub(super) fn tcp_settings() -> TcpSettings {
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(20)).with_interval(Duration::from_secs(5)).with_retries(3);
    TcpSettings::default().set_nodelay(true).set_keepalive(keepalive)
}

/// The settings of connections to a primary.
pub(super) fn connection_config() -> AsyncConnectionConfig {
    /// Less than an attempt: a server that does not respond may no longer be the primary.
    const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_pipeline_buffer_size(BUFFER)
}
