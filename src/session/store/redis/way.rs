//! The way to what holds the sessions: one server, the one that Sentinels name, or a cluster.

use std::{io, sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSub},
    io::tcp::TcpSettings,
};
use socket2::TcpKeepalive;
use tokio::time::timeout;

use super::{
    cluster::{Cluster, ClusterWay},
    script::Call,
    sentinel::{Primary, SentinelWay},
};
use crate::config::{Login, Node, RedisUrl, Servers};

/// How long one attempt at a connection may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long one attempt at a command may take, connecting included.
pub(super) const ATTEMPT: Duration = Duration::from_secs(2);
/// How many commands wait to be sent before others have to.
const BUFFER: usize = 1024;

/// How to get there. Clones share one state.
#[derive(Clone)]
pub(super) enum Way {
    One(Arc<Client>),
    Sentinel(Arc<SentinelWay>),
    Cluster(Arc<ClusterWay>),
}

/// One runtime's connection. It is made at the first use and again whenever it was lost.
pub(super) enum Link {
    One(ConnectionManager),
    Sentinel(Primary),
    Cluster(Cluster),
}

impl Way {
    pub(super) fn new(url: &RedisUrl) -> RedisResult<Self> {
        let RedisUrl { tls, login, servers } = url;
        let all = |nodes: &[Node], settings: &RedisConnectionInfo| -> RedisResult<Vec<ConnectionInfo>> {
            nodes.iter().map(|node| info(node, *tls, settings)).collect()
        };
        Ok(match servers {
            Servers::One(url) => {
                let info = url.clone().into_connection_info()?.set_tcp_settings(tcp_settings());
                Self::One(Arc::new(Client::open(info)?))
            }
            Servers::Sentinel { sentinels, login: to_sentinels, service, database } => {
                let sentinels = all(sentinels, &settings(to_sentinels))?;
                let primary = settings(login).set_db(*database);
                Self::Sentinel(Arc::new(SentinelWay::new(sentinels, service.clone(), primary, *tls)?))
            }
            Servers::Cluster(nodes) => Self::Cluster(Arc::new(ClusterWay::new(all(nodes, &settings(login))?)?)),
        })
    }

    /// A connection of a runtime's own. Nothing is sent yet.
    pub(super) fn link(&self) -> RedisResult<Link> {
        Ok(match self {
            Self::One(client) => {
                let config = ConnectionManagerConfig::new()
                    .set_number_of_retries(1)
                    .set_max_delay(Duration::from_millis(200))
                    .set_connection_timeout(Some(CONNECT_TIMEOUT))
                    .set_response_timeout(Some(ATTEMPT))
                    .set_pipeline_buffer_size(BUFFER);
                Link::One(client.get_connection_manager_lazy(config)?)
            }
            Self::Sentinel(way) => Link::Sentinel(way.primary()?),
            Self::Cluster(way) => Link::Cluster(way.cluster()),
        })
    }

    /// A connection that hears what is published.
    pub(super) async fn subscriber(&self) -> RedisResult<PubSub> {
        match self {
            Self::One(client) => client.get_async_pubsub().await,
            Self::Sentinel(way) => way.subscriber().await,
            Self::Cluster(way) => way.subscriber().await,
        }
    }
}

impl Link {
    /// The answer to a command, or what was in the way of one.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let answer = async {
            match self {
                Self::One(manager) => command.query_async(&mut manager.clone()).await,
                Self::Sentinel(primary) => primary.query(command).await,
                // It looks at the time by itself, as it notes who was too slow.
                Self::Cluster(cluster) => return cluster.query(command).await,
            }
        };
        timeout(ATTEMPT, answer).await.unwrap_or_else(|_| Err(too_slow()))
    }

    /// The same for a script.
    pub(super) async fn invoke<T: FromRedisValue>(&self, call: &Call<'_>) -> RedisResult<T> {
        match self.query(&call.by_hash()).await {
            Err(error) if error.kind() == redis::ServerErrorKind::NoScript.into() => self.query(&call.by_code()).await,
            result => result,
        }
    }
}

pub(super) fn too_slow() -> RedisError {
    RedisError::from(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))
}

fn info(node: &Node, tls: bool, settings: &RedisConnectionInfo) -> RedisResult<ConnectionInfo> {
    let (host, port) = (node.host.clone(), node.port);
    let address = if tls {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    };
    let info = address.into_connection_info()?;
    Ok(info.set_redis_settings(settings.clone()).set_tcp_settings(tcp_settings()))
}

fn settings(login: &Login) -> RedisConnectionInfo {
    let mut settings = RedisConnectionInfo::default();
    if let Some(user) = &login.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &login.password {
        settings = settings.set_password(password.expose());
    }
    settings
}

/// Commands leave at once, and a connection whose other end is gone without a word is found out: one
/// that hears what is published sends nothing by itself.
pub(super) fn tcp_settings() -> TcpSettings {
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(20)).with_interval(Duration::from_secs(5)).with_retries(3);
    TcpSettings::default().set_nodelay(true).set_keepalive(keepalive)
}

/// For connections that are made by hand.
pub(super) fn connection_config() -> AsyncConnectionConfig {
    /// Less than an attempt: who does not answer may be no primary any more.
    const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_pipeline_buffer_size(BUFFER)
}
