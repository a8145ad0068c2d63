//! `[server]`: how long clients may take, and how many connections they may have.

use serde::{Deserialize, Serialize};
use vestibule::config::{ConfigError, proxy::Seconds};

/// Descriptors for what is no connection: listeners, files of the site, the store.
const RESERVED: u64 = 64;
/// The most connections where nothing is set, however many files may be open.
const MOST: u64 = 65_536;
/// The fewest.
const FEWEST: u64 = 32;

/// `[server]`. All spans of time are in seconds, whole or decimal.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServerSettings {
    /// How long a client may take until the head of its first request is there whole, and from a response to the
    /// next head.
    pub(crate) header_timeout: Seconds,
    /// How long the body of a form or of an upload may stand still. Calls through the proxy have
    /// `proxy.idle_timeout`.
    pub(crate) body_timeout: Seconds,
    /// How long the whole body of a form may take.
    pub(crate) form_timeout: Seconds,
    /// How long a client may take nothing of what is sent to it.
    pub(crate) write_timeout: Seconds,
    /// The most connections in all; when it is not set, half of the files that may be open.
    pub(crate) max_connections: Option<usize>,
    /// The most connections of one address, of IPv6 one /64; when it is not set, half of all. Those of
    /// `proxy.trusted_proxies` have no limit of their own.
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
    /// The first value that would let nothing through.
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
                return Err(ConfigError::new(key, "must be more than 0, or nobody can connect"));
            }
        }
        Ok(())
    }

    /// The most connections in all and of one address, with `open_files` descriptors. A connection may take two of
    /// them, its own and one to the API.
    pub(crate) fn connections(&self, open_files: Option<u64>) -> (usize, usize) {
        let fitting = open_files.map_or(MOST, |files| files.saturating_sub(RESERVED) / 2).clamp(FEWEST, MOST);
        let all = self.max_connections.unwrap_or(usize::try_from(fitting).unwrap_or(usize::MAX));
        (all, self.max_connections_per_address.unwrap_or(all.div_ceil(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_the_connections_to_the_open_files() {
        let mut settings = ServerSettings::default();
        assert_eq!(settings.connections(Some(1024)), (480, 240));
        assert_eq!(settings.connections(Some(1 << 20)), (65_536, 32_768));
        assert_eq!(settings.connections(None), (65_536, 32_768));
        assert_eq!(settings.connections(Some(10)), (32, 16));
        settings.max_connections = Some(100);
        assert_eq!(settings.connections(Some(1024)), (100, 50));
        settings.max_connections_per_address = Some(7);
        assert_eq!(settings.connections(Some(1024)), (100, 7));
    }

    #[test]
    fn refuses_what_would_let_nothing_through() {
        let problem = |change: fn(&mut ServerSettings)| {
            let mut settings = ServerSettings::default();
            change(&mut settings);
            settings.validate().unwrap_err().to_string()
        };
        assert!(problem(|it| it.header_timeout = Seconds::whole(0)).contains("`server.header_timeout`"));
        assert!(problem(|it| it.write_timeout = Seconds::whole(0)).contains("`server.write_timeout`"));
        assert!(problem(|it| it.max_connections = Some(0)).contains("`server.max_connections`"));
    }
}
