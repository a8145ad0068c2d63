//! The topology of the store: one server, a primary named by Sentinels, or a cluster.

use std::{sync::Arc, time::Duration};

use redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo, RedisConnectionInfo, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSub},
};
use tokio::time::timeout;

use super::{
    cluster::{Cluster, ClusterTopology},
    connection::{ATTEMPT_TIMEOUT, BUFFER, CONNECT_TIMEOUT, tcp_settings, timeout_error},
    script::ScriptCall,
    sentinel::{Primary, SentinelTopology},
};
use crate::config::{Node, RedisCredentials, RedisUrl, Servers};

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
