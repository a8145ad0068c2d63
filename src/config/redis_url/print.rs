//! The printed form of the URL, without its passwords.

use std::fmt::{self, Write};

use url::Url;

use super::{Node, RedisCredentials, RedisUrl, Servers};

impl From<RedisUrl> for String {
    fn from(url: RedisUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, nodes) = match &self.servers {
            Servers::One(url) => return one_redacted(url, f),
            Servers::Sentinel { sentinels, .. } => ("sentinel", sentinels),
            Servers::Cluster(nodes) => ("cluster", nodes),
        };
        let base = if self.tls { "rediss" } else { "redis" };
        write!(f, "{base}-{kind}://")?;
        if self.credentials != RedisCredentials::default() {
            let password = if self.credentials.password.is_some() { ":redacted" } else { "" };
            write!(f, "{}{password}@", self.credentials.user.as_deref().unwrap_or_default())?;
        }
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            write!(f, "{node}")?;
        }
        match &self.servers {
            Servers::Sentinel { service, database, .. } => write!(f, "/{service}/{database}"),
            Servers::One(_) | Servers::Cluster(_) => Ok(()),
        }
    }
}

fn one_redacted(url: &Url, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut url = url.clone();
    if url.password().is_some() && url.set_password(Some("redacted")).is_err() {
        return f.write_str("[redacted]");
    }
    // Socket URLs have the password in the query.
    url.set_query(None);
    f.write_str(url.as_str())
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::RedisUrl;

    #[test]
    fn prints_no_password() {
        for (text, printed) in [
            ("redis://ada:secret@cache/1", "redis://ada:redacted@cache/1"),
            ("redis+unix:///run/redis.sock?pass=secret", "redis+unix:///run/redis.sock"),
            (
                "redis+sentinel://ada:secret@one,[::1]/main?sentinel_password=secret",
                "redis-sentinel://ada:redacted@one:26379,[::1]:26379/main/0",
            ),
            ("valkeys-cluster://:secret@one", "rediss-cluster://:redacted@one:6379"),
            ("redis-cluster://one,two", "redis-cluster://one:6379,two:6379"),
        ] {
            let url = RedisUrl::try_from(text.to_owned()).unwrap();
            assert_eq!((url.to_string(), format!("{url:?}")), (printed.into(), printed.into()));
            assert_eq!(serde_json::to_value(&url).unwrap(), printed);
        }
    }
}
