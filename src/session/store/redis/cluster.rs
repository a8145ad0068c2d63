//! A cluster: each name belongs to one of its servers.

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

use super::way::{ATTEMPT, CONNECT_TIMEOUT, tcp_settings, too_slow};

/// How long a server of the cluster may take to answer.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
/// After how many failures with no success in between the connections are made anew, beginning with the
/// servers that the URL names: all that were known may have gone. One request fails twice at most.
const FAILURES: usize = 4;

/// Which servers to begin with.
pub(super) struct ClusterWay {
    client: ClusterClient,
    nodes: Vec<Client>,
}

impl ClusterWay {
    pub(super) fn new(nodes: Vec<ConnectionInfo>) -> RedisResult<Self> {
        let clients = nodes.iter().cloned().map(Client::open).collect::<RedisResult<_>>()?;
        let client = ClusterClient::builder(nodes)
            .tcp_settings(tcp_settings())
            // As often as an attempt has time for.
            .retries(5)
            .min_retry_wait(20)
            .max_retry_wait(400)
            .overall_response_timeout(Some(ATTEMPT))
            .build()?;
        Ok(Self { client, nodes: clients })
    }

    pub(super) fn cluster(self: &Arc<Self>) -> Cluster {
        Cluster { way: Arc::clone(self), state: Mutex::default() }
    }

    /// What is published at one server is heard at all of them, so that any will do.
    pub(super) async fn subscriber(&self) -> RedisResult<PubSub> {
        let mut failed = too_slow();
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
    way: Arc<ClusterWay>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<ClusterConnection>,
    /// How often the connections were made anew.
    turn: u64,
    /// How often something failed in this turn since the last success.
    failures: usize,
}

impl Cluster {
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let (mut connection, turn) = self.connection();
        let answer = command.query_async(&mut connection);
        let result = timeout(ATTEMPT, answer).await.unwrap_or_else(|_| Err(too_slow()));
        self.note(turn, result.as_ref().err());
        result
    }

    /// The connection that there is, or a new one, and its turn.
    fn connection(&self) -> (ClusterConnection, u64) {
        let config =
            || ClusterConfig::new().set_connection_timeout(CONNECT_TIMEOUT).set_response_timeout(RESPONSE_TIMEOUT);
        let connect = || self.way.client.get_pending_async_connection_with_config(config());
        let mut state = self.state();
        let connection = state.connection.get_or_insert_with(connect).clone();
        (connection, state.turn)
    }

    /// Notes how a command went. What failed on connections that are given up already says nothing of the new
    /// ones.
    fn note(&self, turn: u64, error: Option<&RedisError>) {
        let mut state = self.state();
        if turn != state.turn {
            return;
        }
        if !error.is_some_and(is_unreached) {
            state.failures = 0;
            return;
        }
        state.failures += 1;
        if state.failures >= FAILURES {
            *state = State { turn: turn + 1, ..State::default() };
        }
    }

    // A panic while the lock is held cannot leave half a state: each change is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether no server has answered for itself.
fn is_unreached(error: &RedisError) -> bool {
    error.is_io_error() || error.is_cluster_error() || error.kind() == ErrorKind::ClusterConnectionNotFound
}
