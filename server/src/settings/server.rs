//! `[server]`: how long clients may take, and how many connections they may have.

use serde::{Deserialize, Serialize};
use vestibule::config::{ConfigError, proxy::Seconds};

/// Descriptors reserved for other uses than connections: listeners, files of the site, the store.
const RESERVED: u64 = 64;
/// The maximum default limit of connections, however many files may be open.
const MAX_DEFAULT: u64 = 65_536;
/// The minimum default limit.
const MIN_DEFAULT: u64 = 32;

/// `[server]`. All durations are in seconds, whole or decimal.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServerSettings {
    /// How long a client may take to send the complete head of its first request, and after a response to send the
    /// next head.
    pub(crate) header_timeout: Seconds,
    /// How long the body of a form or of an upload may stall. Calls through the proxy have
    /// `proxy.idle_timeout`.
    pub(crate) body_timeout: Seconds,
    /// How long the whole body of a form may take.
    pub(crate) form_timeout: Seconds,
    /// How long a client may read nothing of what is sent to it.
    pub(crate) write_timeout: Seconds,
    /// The maximum number of connections; unset: half of the files that may be open.
    pub(crate) max_connections: Option<usize>,
    /// The maximum number of connections per address (per /64 for IPv6); unset: half of `max_connections`. The addresses
    /// in `proxy.trusted_proxies` are exempt.
    pub(crate) max_connections_per_address: Option<usize>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            header_timeout: Seconds::whole(30),
            body_timeout: Seconds::whole(30),
            form_timeout: Seconds::whole(120),
            write_timeout: Seconds::whole(60),
            max_connections: None,
            max_connections_per_address: None,
        }
    }
}

impl ServerSettings {
    /// # Errors
    /// The first limit that would let nothing through.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        for (key, seconds) in [
            ("server.header_timeout", self.header_timeout),
            ("server.body_timeout", self.body_timeout),
            ("server.form_timeout", self.form_timeout),
            ("server.write_timeout", self.write_timeout),
        ] {
            if seconds.is_zero() {
                return Err(ConfigError::new(key, "must be more than 0 seconds"));
            }
        }
        for (key, limit) in [
            ("server.max_connections", self.max_connections),
            ("server.max_connections_per_address", self.max_connections_per_address),
        ] {
            if limit == Some(0) {
                return Err(ConfigError::new(key, "must be more than 0, or no client can connect"));
            }
        }
        Ok(())
    }

    /// The maximum number of connections, in all and per address, with `open_files` descriptors. A connection may take two
    /// descriptors: its own and one to the API.
    pub(crate) fn connection_limits(&self, open_files: Option<u64>) -> (usize, usize) {
        let fitting =
            open_files.map_or(MAX_DEFAULT, |files| files.saturating_sub(RESERVED) / 2).clamp(MIN_DEFAULT, MAX_DEFAULT);
        let all = self.max_connections.unwrap_or(usize::try_from(fitting).unwrap_or(usize::MAX));
        (all, self.max_connections_per_address.unwrap_or(all.div_ceil(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_the_connection_limits_from_the_open_files() {
        let mut settings = ServerSettings::default();
        assert_eq!(settings.connection_limits(Some(1024)), (480, 240));
        assert_eq!(settings.connection_limits(Some(1 << 20)), (65_536, 32_768));
        assert_eq!(settings.connection_limits(None), (65_536, 32_768));
        assert_eq!(settings.connection_limits(Some(10)), (32, 16));
        settings.max_connections = Some(100);
        assert_eq!(settings.connection_limits(Some(1024)), (100, 50));
        settings.max_connections_per_address = Some(7);
        assert_eq!(settings.connection_limits(Some(1024)), (100, 7));
    }

    #[test]
    fn rejects_limits_that_would_let_nothing_through() {
        let error = |change: fn(&mut ServerSettings)| {
            let mut settings = ServerSettings::default();
            change(&mut settings);
            settings.validate().unwrap_err().to_string()
        };
        assert!(error(|it| it.header_timeout = Seconds::whole(0)).contains("`server.header_timeout`"));
        assert!(error(|it| it.write_timeout = Seconds::whole(0)).contains("`server.write_timeout`"));
        assert!(error(|it| it.max_connections = Some(0)).contains("`server.max_connections`"));
    }
}
