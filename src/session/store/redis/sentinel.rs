//! The primary of a service, whichever server that is at the time: Sentinels know.

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

use super::way::{connection_config, tcp_settings};

/// Where the Sentinels are and what they are asked.
pub(super) struct SentinelWay {
    sentinels: Vec<ConnectionInfo>,
    service: String,
    /// How to reach the server that they name.
    primary: SentinelNodeConnectionInfo,
}

impl SentinelWay {
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
        let way = Self { sentinels, service, primary };
        // What is wrong is to be known at the start.
        way.client()?;
        Ok(way)
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

/// A connection to the primary, made once for all who need it at the same time.
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
        if result.as_ref().is_err_and(is_no_primary) {
            self.forget(&current);
        }
        result
    }

    /// The connection that there is, or one to whom the Sentinels name now.
    fn connect(&self) -> Connecting {
        self.current().get_or_insert_with(|| connect(Arc::clone(&self.client)).boxed().shared()).clone()
    }

    fn forget(&self, lost: &Connecting) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|current| current.ptr_eq(lost)) {
            *current = None;
        }
    }

    // A panic while the lock is held cannot leave half a state: each change is one assignment.
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

/// Whether the Sentinels are to be asked anew: the connection is lost, or its server no primary any
/// more.
fn is_no_primary(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, MasterDown, ReadOnly};
    let says_so = matches!(error.kind(), ErrorKind::Server(ReadOnly | MasterDown | BusyLoading));
    says_so || error.is_io_error() || error.is_unrecoverable_error()
}
