//! The current primary of a service, as named by Sentinels.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use redis::{
    Cmd, ConnectionInfo, ErrorKind, FromRedisValue, RedisConnectionInfo, RedisError, RedisResult, ServerErrorKind,
    TlsMode,
    aio::{MultiplexedConnection, PubSub},
    sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType},
};

use super::connection::{connection_config, tcp_settings};

/// The Sentinels and the service.
pub(super) struct SentinelTopology {
    sentinels: Vec<ConnectionInfo>,
    service: String,
    /// The connection settings of the primary.
    primary: SentinelNodeConnectionInfo,
}

impl SentinelTopology {
    pub(super) fn new(
        sentinels: Vec<ConnectionInfo>,
        service: String,
        settings: RedisConnectionInfo,
        tls: bool,
    ) -> RedisResult<Self> {
        let mut primary =
            SentinelNodeConnectionInfo::default().set_redis_connection_info(settings).set_tcp_settings(tcp_settings());
        if tls {
            primary = primary.set_tls_mode(TlsMode::Secure);
        }
        let topology = Self { sentinels, service, primary };
        // Reports configuration errors at the start.
        topology.client()?;
        Ok(topology)
    }

    fn client(&self) -> RedisResult<SentinelClient> {
        let primary = Some(self.primary.clone());
        SentinelClient::build(self.sentinels.clone(), &self.service, primary, SentinelServerType::Master)
    }

    pub(super) fn primary(&self) -> RedisResult<Primary> {
        let client = Arc::new(tokio::sync::Mutex::new(self.client()?));
        Ok(Primary { client, current: Mutex::default() })
    }

    pub(super) async fn subscriber(&self) -> RedisResult<PubSub> {
        self.client()?.async_get_client().await?.get_async_pubsub().await
    }
}

/// A connection attempt to the primary, shared by all concurrent commands.
type Connecting = Shared<BoxFuture<'static, RedisResult<MultiplexedConnection>>>;

/// One runtime's connection to the primary.
pub(super) struct Primary {
    client: Arc<tokio::sync::Mutex<SentinelClient>>,
    current: Mutex<Option<Connecting>>,
}

impl Primary {
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let current = self.connect();
        let result = match current.clone().await {
            Ok(mut connection) => command.query_async(&mut connection).await,
            Err(error) => {
                self.forget(&current);
                return Err(error);
            }
        };
        if result.as_ref().is_err_and(needs_new_primary) {
            self.forget(&current);
        }
        result
    }

    /// The current connection, or a new one to the primary that the Sentinels name now.
    fn connect(&self) -> Connecting {
        self.current().get_or_insert_with(|| connect(Arc::clone(&self.client)).boxed().shared()).clone()
    }

    fn forget(&self, lost: &Connecting) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|current| current.ptr_eq(lost)) {
            *current = None;
        }
    }

    // A panic while the lock is held cannot leave an inconsistent state: each change is one assignment.
    fn current(&self) -> MutexGuard<'_, Option<Connecting>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(client: Arc<tokio::sync::Mutex<SentinelClient>>) -> RedisResult<MultiplexedConnection> {
    let primary = client.lock().await.async_get_client().await?;
    let connection = primary.get_multiplexed_async_connection_with_config(&connection_config()).await?;
    tracing::info!(address = %primary.get_connection_info().addr(), "connected to the session store's primary");
    Ok(connection)
}

/// Whether the Sentinels must be asked again: the connection is lost, or its server is no longer the primary.
fn needs_new_primary(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, MasterDown, ReadOnly};
    let is_not_primary = matches!(error.kind(), ErrorKind::Server(ReadOnly | MasterDown | BusyLoading));
    is_not_primary || error.is_io_error() || error.is_unrecoverable_error()
}
