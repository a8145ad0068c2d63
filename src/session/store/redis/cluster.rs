//! A Redis cluster: each key belongs to one of its servers.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{
    Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, RedisError, RedisResult,
    aio::PubSub,
    cluster::{ClusterClient, ClusterConfig},
    cluster_async::ClusterConnection,
};
use tokio::time::timeout;

use super::connection::{ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, tcp_settings, timeout_error};

/// The response timeout of a server of the cluster.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
/// After this many consecutive errors, all connections are re-established, starting with the servers in the URL, as all
/// known servers may be gone. One request fails at most twice.
const MAX_ERRORS: usize = 4;

/// The servers of the URL.
pub(super) struct ClusterTopology {
    client: ClusterClient,
    nodes: Vec<Client>,
}

impl ClusterTopology {
    pub(super) fn new(nodes: Vec<ConnectionInfo>) -> RedisResult<Self> {
        let clients = nodes.iter().cloned().map(Client::open).collect::<RedisResult<_>>()?;
        let client = ClusterClient::builder(nodes)
            .tcp_settings(tcp_settings())
            // As many as an attempt has time for.
            .retries(5)
            .min_retry_wait(20)
            .max_retry_wait(400)
            .overall_response_timeout(Some(ATTEMPT_TIMEOUT))
            .build()?;
        Ok(Self { client, nodes: clients })
    }

    pub(super) fn cluster(self: &Arc<Self>) -> Cluster {
        Cluster { topology: Arc::clone(self), state: Mutex::default() }
    }

    /// A subscriber at any server, as all servers receive all published messages.
    pub(super) async fn subscriber(&self) -> RedisResult<PubSub> {
        let mut failed = timeout_error();
        for node in &self.nodes {
            match timeout(CONNECT_TIMEOUT, node.get_async_pubsub()).await {
                Ok(Ok(subscriber)) => return Ok(subscriber),
                Ok(Err(error)) => failed = error,
                Err(_) => {}
            }
        }
        Err(failed)
    }
}

/// One runtime's connections to the cluster.
pub(super) struct Cluster {
    topology: Arc<ClusterTopology>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<ClusterConnection>,
    /// How often the connections were re-established.
    epoch: u64,
    /// The number of errors in this epoch since the last success.
    errors: usize,
}

impl Cluster {
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let (mut connection, epoch) = self.connection();
        let response = command.query_async(&mut connection);
        let result = timeout(ATTEMPT_TIMEOUT, response).await.unwrap_or_else(|_| Err(timeout_error()));
        self.record_result(epoch, result.as_ref().err());
        result
    }

    /// The current connection, or a new one, and its epoch.
    fn connection(&self) -> (ClusterConnection, u64) {
        let config =
            || ClusterConfig::new().set_connection_timeout(CONNECT_TIMEOUT).set_response_timeout(RESPONSE_TIMEOUT);
        let connect = || self.topology.client.get_pending_async_connection_with_config(config());
        let mut state = self.state();
        let connection = state.connection.get_or_insert_with(connect).clone();
        (connection, state.epoch)
    }

    /// Records the result of a command. Ignores errors of connections that have been replaced already.
    fn record_result(&self, epoch: u64, error: Option<&RedisError>) {
        let mut state = self.state();
        if epoch != state.epoch {
            return;
        }
        if !error.is_some_and(is_unreached) {
            state.errors = 0;
            return;
        }
        state.errors += 1;
        if state.errors >= MAX_ERRORS {
            *state = State { epoch: epoch + 1, ..State::default() };
        }
    }

    // A panic while the lock is held cannot leave an inconsistent state: each change is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether no server has responded.
fn is_unreached(error: &RedisError) -> bool {
    error.is_io_error() || error.is_cluster_error() || error.kind() == ErrorKind::ClusterConnectionNotFound
}
