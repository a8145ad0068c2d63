//! The topology of the store: one server, a primary named by Sentinels, or a cluster.

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
    cluster::{Cluster, ClusterTopology},
    script::ScriptCall,
    sentinel::{Primary, SentinelTopology},
};
use crate::config::{Node, RedisCredentials, RedisUrl, Servers};

/// The timeout of one connection attempt.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The timeout of one attempt at a command, including the connection.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum number of commands in the send buffer.
const BUFFER: usize = 1024;

/// How to connect to the store. Clones share one state.
#[derive(Clone)]
pub(super) enum Topology {
    One(Arc<Client>),
    Sentinel(Arc<SentinelTopology>),
    Cluster(Arc<ClusterTopology>),
}

/// One runtime's connection. It is established at the first use, and again whenever it was lost.
pub(super) enum Connection {
    One(ConnectionManager),
    Sentinel(Primary),
    Cluster(Cluster),
}

impl Topology {
    pub(super) fn new(url: &RedisUrl) -> RedisResult<Self> {
        let RedisUrl { tls, credentials, servers } = url;
        let all = |nodes: &[Node], settings: &RedisConnectionInfo| -> RedisResult<Vec<ConnectionInfo>> {
            nodes.iter().map(|node| info(node, *tls, settings)).collect()
        };
        Ok(match servers {
            Servers::One(url) => {
                let info = url.clone().into_connection_info()?.set_tcp_settings(tcp_settings());
                Self::One(Arc::new(Client::open(info)?))
            }
            Servers::Sentinel { sentinels, credentials: sentinel_credentials, service, database } => {
                let sentinels = all(sentinels, &settings(sentinel_credentials))?;
                let primary = settings(credentials).set_db(*database);
                Self::Sentinel(Arc::new(SentinelTopology::new(sentinels, service.clone(), primary, *tls)?))
            }
            Servers::Cluster(nodes) => {
                Self::Cluster(Arc::new(ClusterTopology::new(all(nodes, &settings(credentials))?)?))
            }
        })
    }

    /// A connection for one runtime. Nothing is sent yet.
    pub(super) fn connection(&self) -> RedisResult<Connection> {
        Ok(match self {
            Self::One(client) => {
                let config = ConnectionManagerConfig::new()
                    .set_number_of_retries(1)
                    .set_max_delay(Duration::from_millis(200))
                    .set_connection_timeout(Some(CONNECT_TIMEOUT))
                    .set_response_timeout(Some(ATTEMPT_TIMEOUT))
                    .set_pipeline_buffer_size(BUFFER);
                Connection::One(client.get_connection_manager_lazy(config)?)
            }
            Self::Sentinel(topology) => Connection::Sentinel(topology.primary()?),
            Self::Cluster(topology) => Connection::Cluster(topology.cluster()),
        })
    }

    /// A connection that receives published messages.
    pub(super) async fn subscriber(&self) -> RedisResult<PubSub> {
        match self {
            Self::One(client) => client.get_async_pubsub().await,
            Self::Sentinel(topology) => topology.subscriber().await,
            Self::Cluster(topology) => topology.subscriber().await,
        }
    }
}

impl Connection {
    /// Sends a command.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let response = async {
            match self {
                Self::One(manager) => command.query_async(&mut manager.clone()).await,
                Self::Sentinel(primary) => primary.query(command).await,
                // It has its own timeout, as it records errors.
                Self::Cluster(cluster) => return cluster.query(command).await,
            }
        };
        timeout(ATTEMPT_TIMEOUT, response).await.unwrap_or_else(|_| Err(timeout_error()))
    }

    /// Runs a script.
    pub(super) async fn invoke<T: FromRedisValue>(&self, call: &ScriptCall<'_>) -> RedisResult<T> {
        match self.query(&call.by_hash()).await {
            Err(error) if error.kind() == redis::ServerErrorKind::NoScript.into() => self.query(&call.by_code()).await,
            result => result,
        }
    }
}

pub(super) fn timeout_error() -> RedisError {
    RedisError::from(io::Error::new(io::ErrorKind::TimedOut, "the response timed out"))
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

fn settings(credentials: &RedisCredentials) -> RedisConnectionInfo {
    let mut settings = RedisConnectionInfo::default();
    if let Some(user) = &credentials.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &credentials.password {
        settings = settings.set_password(password.expose());
    }
    settings
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
