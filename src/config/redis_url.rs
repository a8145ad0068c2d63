//! The URL of Redis or Valkey: one server, a primary named by Sentinels, or a cluster.

mod print;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::secret::Secret;

/// The URL of Redis or Valkey. Prints without its passwords.
///
/// - one server: `redis://[user:password@]host[:6379][/database]`, on a socket `redis+unix:///path`
/// - the primary that Sentinels name: `redis-sentinel://[user:password@]host[:26379],…/service[/database]`, and
///   `?sentinel_username=…&sentinel_password=…` if the Sentinels require a password as well
/// - a cluster: `redis-cluster://[user:password@]host[:6379],…`
///
/// With TLS, the scheme begins with `rediss`. `valkey` and `valkeys` are synonyms, and so is `+` for `-`.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedisUrl {
    pub(crate) tls: bool,
    /// The credentials for the servers. Those for a single server are in its URL.
    pub(crate) credentials: RedisCredentials,
    pub(crate) servers: Servers,
}

/// The servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Servers {
    /// The server at this URL.
    One(Url),
    /// The primary of a service, as named by Sentinels.
    Sentinel { sentinels: Vec<Node>, credentials: RedisCredentials, service: String, database: i64 },
    /// A cluster with these nodes among others.
    Cluster(Vec<Node>),
}

/// A host and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// A host name or IP address; IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A user and a password, both optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RedisCredentials {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
}

/// The text is not a valid URL of Redis or Valkey. The message says what is wrong and how to fix it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRedisUrl(&'static str);

const UNKNOWN: InvalidRedisUrl = InvalidRedisUrl(
    "is not a URL of Redis or Valkey: write redis://host:6379, redis-sentinel://host:26379,host:26379/service or redis-cluster://host:6379,host:6379, or rediss… with TLS",
);
const SEVERAL: InvalidRedisUrl = InvalidRedisUrl(
    "has several hosts: write redis-cluster://… for a cluster, or redis-sentinel://…/service for Sentinels",
);
const HOST: InvalidRedisUrl = InvalidRedisUrl("contains an invalid host: write host:port,host:port");
const DATABASE: InvalidRedisUrl = InvalidRedisUrl("has a database that is not a number: write /0 or leave it out");
const NO_SERVICE: InvalidRedisUrl =
    InvalidRedisUrl("has no service name: write redis-sentinel://host:26379,host:26379/service");
const CLUSTER_PATH: InvalidRedisUrl =
    InvalidRedisUrl("has a path, but a cluster has only one database: write redis-cluster://host:6379,host:6379");
const OPTION: InvalidRedisUrl = InvalidRedisUrl(
    "has an unknown option: only redis-sentinel:// has options, sentinel_username and sentinel_password",
);
const NOT_TEXT: InvalidRedisUrl = InvalidRedisUrl("has a user or password that is not UTF-8");

const SENTINEL_PORT: u16 = 26_379;
const PORT: u16 = 6_379;

impl TryFrom<String> for RedisUrl {
    type Error = InvalidRedisUrl;

    fn try_from(text: String) -> Result<Self, InvalidRedisUrl> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(UNKNOWN)?;
        let scheme = scheme.to_ascii_lowercase();
        let (base, kind) = scheme.split_once(['-', '+']).unwrap_or((&scheme, ""));
        let tls = match base {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(UNKNOWN),
        };
        match kind {
            "" => one(&format!("{scheme}://{rest}"), tls),
            "unix" if !tls => one(&format!("{base}+unix://{rest}"), tls),
            "sentinel" => Parts::read(rest)?.sentinel(tls),
            "cluster" => Parts::read(rest)?.cluster(tls),
            _ => Err(UNKNOWN),
        }
    }
}

/// Parses the URL of one server, which the client gets unchanged.
fn one(text: &str, tls: bool) -> Result<RedisUrl, InvalidRedisUrl> {
    let authority = text.split(['/', '?', '#']).nth(2).unwrap_or_default();
    let is_list = authority.rsplit('@').next().is_some_and(|hosts| hosts.contains(','));
    if is_list {
        return Err(SEVERAL);
    }
    let url = Url::parse(text).map_err(|_| UNKNOWN)?;
    if !url.scheme().ends_with("unix") {
        if url.host_str().is_none_or(str::is_empty) {
            return Err(HOST);
        }
        database(url.path().trim_matches('/'))?;
    }
    Ok(RedisUrl { tls, credentials: RedisCredentials::default(), servers: Servers::One(url) })
}

fn database(text: &str) -> Result<i64, InvalidRedisUrl> {
    if text.is_empty() { Ok(0) } else { text.parse::<u16>().map(i64::from).map_err(|_| DATABASE) }
}

/// The parts of a URL with several hosts.
struct Parts<'a> {
    credentials: RedisCredentials,
    hosts: &'a str,
    path: &'a str,
    options: &'a str,
}

impl<'a> Parts<'a> {
    fn read(rest: &'a str) -> Result<Self, InvalidRedisUrl> {
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let credentials = RedisCredentials { user: decoded(user)?, password: decoded(password)?.map(Secret::new) };
        Ok(Self { credentials, hosts, path: path.trim_matches('/'), options })
    }

    fn sentinel(self, tls: bool) -> Result<RedisUrl, InvalidRedisUrl> {
        let (service, number) = self.path.split_once('/').unwrap_or((self.path, ""));
        let service = decoded(service)?.ok_or(NO_SERVICE)?;
        let mut credentials = RedisCredentials::default();
        for (name, value) in url::form_urlencoded::parse(self.options.as_bytes()) {
            match &*name {
                "sentinel_username" => credentials.user = Some(value.into_owned()),
                "sentinel_password" => credentials.password = Some(Secret::new(value)),
                _ => return Err(OPTION),
            }
        }
        let sentinels = nodes(self.hosts, SENTINEL_PORT)?;
        let servers = Servers::Sentinel { sentinels, credentials, service, database: database(number)? };
        Ok(RedisUrl { tls, credentials: self.credentials, servers })
    }

    fn cluster(self, tls: bool) -> Result<RedisUrl, InvalidRedisUrl> {
        if !matches!(self.path, "" | "0") {
            return Err(CLUSTER_PATH);
        }
        if !self.options.is_empty() {
            return Err(OPTION);
        }
        Ok(RedisUrl { tls, credentials: self.credentials, servers: Servers::Cluster(nodes(self.hosts, PORT)?) })
    }
}

/// Percent-decodes a text; `None` if it is empty.
fn decoded(text: &str) -> Result<Option<String>, InvalidRedisUrl> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| NOT_TEXT)?;
    Ok(Some(decoded.into_owned()).filter(|text| !text.is_empty()))
}

fn nodes(hosts: &str, port: u16) -> Result<Vec<Node>, InvalidRedisUrl> {
    hosts.split(',').map(|host| node(host.trim(), port)).collect()
}

fn node(text: &str, port: u16) -> Result<Node, InvalidRedisUrl> {
    let url = Url::parse(&format!("redis://{text}")).map_err(|_| HOST)?;
    let is_plain = url.path().is_empty() && url.query().is_none() && url.fragment().is_none() && !text.contains('@');
    let host = match url.host() {
        Some(Host::Domain(name)) if is_plain && !name.is_empty() => name.to_owned(),
        Some(Host::Ipv4(address)) if is_plain => address.to_string(),
        Some(Host::Ipv6(address)) if is_plain => address.to_string(),
        _ => return Err(HOST),
    };
    Ok(Node { host, port: url.port().unwrap_or(port) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RedisUrl, InvalidRedisUrl> {
        RedisUrl::try_from(text.to_owned())
    }

    fn places(nodes: &[Node]) -> Vec<String> {
        nodes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn reads_one_server() {
        for text in ["redis://127.0.0.1:6379", "rediss://:secret@redis.internal/1", "valkey://cache", "redis://[::1]/"]
        {
            assert!(matches!(read(text).unwrap().servers, Servers::One(_)), "{text}");
        }
        assert!(matches!(read("redis+unix:///run/redis.sock?db=1").unwrap().servers, Servers::One(_)));
        assert!(read("rediss://cache").unwrap().tls && !read("valkey://cache").unwrap().tls);
    }

    #[test]
    fn reads_sentinels() {
        let text = "redis-sentinel://ada:p%40ss@one,two:1,[::1]:2/main/3?sentinel_password=s%26t&sentinel_username=s";
        let url = read(text).unwrap();
        let Servers::Sentinel { sentinels, credentials, service, database } = &url.servers else { panic!("{url}") };
        assert_eq!(places(sentinels), ["one:26379", "two:1", "[::1]:2"]);
        assert_eq!((service.as_str(), *database), ("main", 3));
        assert_eq!(
            (credentials.user.as_deref(), credentials.password.as_ref().map(Secret::expose)),
            (Some("s"), Some("s&t"))
        );
        assert_eq!(url.credentials.user.as_deref(), Some("ada"));
        assert_eq!(url.credentials.password.as_ref().map(Secret::expose), Some("p@ss"));
        assert!(!url.tls);

        let same = read("redis-sentinel://one/main").unwrap();
        for text in ["redis+sentinel://one:26379/main/0", "valkey-sentinel://one/main/", "REDIS-SENTINEL://one/main"] {
            assert_eq!(read(text).unwrap(), same, "{text}");
        }
        assert!(read("rediss-sentinel://one/main").unwrap().tls && read("valkeys+sentinel://one/main").unwrap().tls);
    }

    #[test]
    fn reads_clusters() {
        let url = read("rediss-cluster://:secret@one,two:7000, 10.0.0.3/").unwrap();
        let Servers::Cluster(nodes) = &url.servers else { panic!("{url}") };
        assert_eq!(places(nodes), ["one:6379", "two:7000", "10.0.0.3:6379"]);
        assert!(url.tls && url.credentials.user.is_none());
        assert_eq!(url.credentials.password.as_ref().map(Secret::expose), Some("secret"));
        assert_eq!(read("redis+cluster://one/0").unwrap(), read("redis-cluster://one:6379").unwrap());
    }

    #[test]
    fn reports_what_is_wrong() {
        for (text, problem) in [
            ("", UNKNOWN),
            ("redis", UNKNOWN),
            ("http://127.0.0.1", UNKNOWN),
            ("redis-sentinels://one/main", UNKNOWN),
            ("rediss+unix:///run/redis.sock", UNKNOWN),
            ("redis://one:port", UNKNOWN),
            ("redis://", HOST),
            ("redis://one:1,two:2", SEVERAL),
            ("redis://one,two/0", SEVERAL),
            ("redis://one/first", DATABASE),
            ("redis-sentinel://one", NO_SERVICE),
            ("redis-sentinel://one/", NO_SERVICE),
            ("redis-sentinel://one/main/first", DATABASE),
            ("redis-sentinel:///main", HOST),
            ("redis-sentinel://one,,two/main", HOST),
            ("redis-sentinel://one:port/main", HOST),
            ("redis-sentinel://one/main?timeout=1", OPTION),
            ("redis-sentinel://ada:%ff@one/main", NOT_TEXT),
            ("redis-cluster://one/main", CLUSTER_PATH),
            ("redis-cluster://one?timeout=1", OPTION),
            ("redis-cluster://one:70000", HOST),
        ] {
            assert_eq!(read(text).err(), Some(problem), "{text}");
        }
    }
}
