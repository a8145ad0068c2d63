//! The store in Redis or Valkey, shared by all replicas.

mod cluster;
mod connection;
mod script;
mod sentinel;
mod subscriber;
mod topology;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use redis::{Cmd, FromRedisValue, RedisResult};

use self::{
    script::{INDEX_ADD, LOCK, SAVE, Script, ScriptCall, UNLOCK},
    topology::{Connection, Topology},
};
use super::{Replace, StoreUnavailable, StoredRecord};
use crate::{
    config::{ConfigError, RedisUrl},
    session::SessionId,
};

/// The prefix of all keys, so that other programs can share the server.
const PREFIX: &str = "vestibule:";
/// The channel on which the ends of sessions are published.
const ENDED_CHANNEL: &str = "vestibule:ended";
/// A command is repeated once after a connection error. All commands are idempotent.
const ATTEMPTS: usize = 2;

/// The callback for a session that has ended at any replica.
type OnEnded = Arc<dyn Fn(SessionId) + Send + Sync>;

/// The store of one runtime.
pub(crate) struct Redis {
    topology: Topology,
    connection: OnceLock<Connection>,
    /// Whether one of the runtimes is subscribed to the ends of sessions.
    is_subscribed: Arc<AtomicBool>,
    on_ended: OnEnded,
}

impl Redis {
    /// Creates a store at `url`. `on_ended` is called for sessions that end at any replica.
    ///
    /// # Errors
    /// If the URL cannot be used.
    pub(crate) fn new(key: &'static str, url: &RedisUrl, on_ended: OnEnded) -> Result<Self, ConfigError> {
        // The cause may quote the URL with its password.
        let topology = Topology::new(url).map_err(|_| ConfigError::new(key, format!("cannot be used: {url}")))?;
        Ok(Self { topology, connection: OnceLock::new(), is_subscribed: Arc::default(), on_ended })
    }

    pub(super) fn with_own_connection(&self) -> Self {
        Self {
            topology: self.topology.clone(),
            connection: OnceLock::new(),
            is_subscribed: Arc::clone(&self.is_subscribed),
            on_ended: Arc::clone(&self.on_ended),
        }
    }

    pub(super) async fn load(&self, name: &str) -> Result<Option<StoredRecord>, StoreUnavailable> {
        let mut command = redis::cmd("HMGET");
        command.arg(format!("{PREFIX}{name}")).arg("generation").arg("changes").arg("sealed");
        let (generation, changes, sealed): (Option<u32>, Option<u32>, Option<String>) = self.run(&command).await?;
        let changes = changes.unwrap_or_default();
        Ok(generation.zip(sealed).map(|(generation, sealed)| StoredRecord { generation, changes, sealed }))
    }

    pub(super) async fn save(
        &self,
        name: &str,
        stored: &StoredRecord,
        rule: Replace,
        ttl: i64,
    ) -> Result<bool, StoreUnavailable> {
        let rule = match rule {
            Replace::SameOrOlder => "same",
            Replace::Older => "older",
            Replace::OlderOrNone => "none",
        };
        let (generation, changes) = (stored.generation.to_string(), stored.changes.to_string());
        let ttl = ttl.max(1).to_string();
        self.invoke(&SAVE, name, &[&generation, &stored.sealed, &ttl, rule, &changes]).await
    }

    pub(super) async fn remove(&self, name: &str) -> Result<bool, StoreUnavailable> {
        self.run(redis::cmd("DEL").arg(format!("{PREFIX}{name}"))).await
    }

    pub(super) async fn lock(&self, name: &str, holder: &str, ttl: i64) -> Result<bool, StoreUnavailable> {
        self.invoke(&LOCK, name, &[holder, &ttl.max(1).to_string()]).await
    }

    pub(super) async fn unlock(&self, name: &str, holder: &str) -> Result<(), StoreUnavailable> {
        self.invoke::<i64>(&UNLOCK, name, &[holder]).await.map(drop)
    }

    pub(super) async fn index_add(&self, index: &str, member: &str, ttl: i64) -> Result<(), StoreUnavailable> {
        self.invoke::<i64>(&INDEX_ADD, index, &[member, &ttl.max(1).to_string()]).await.map(drop)
    }

    pub(super) async fn index_members(&self, index: &str) -> Result<Vec<String>, StoreUnavailable> {
        self.run(redis::cmd("SMEMBERS").arg(format!("{PREFIX}{index}"))).await
    }

    pub(super) async fn index_remove(&self, index: &str, member: &str) -> Result<(), StoreUnavailable> {
        self.run::<i64>(redis::cmd("SREM").arg(format!("{PREFIX}{index}")).arg(member)).await.map(drop)
    }

    pub(super) async fn publish_ended(&self, id: SessionId) -> Result<(), StoreUnavailable> {
        self.run::<i64>(redis::cmd("PUBLISH").arg(ENDED_CHANNEL).arg(id.to_string())).await.map(drop)
    }

    async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreUnavailable> {
        let connection = self.connection().ok_or(StoreUnavailable)?;
        with_retries(|| connection.query(command)).await
    }

    async fn invoke<T: FromRedisValue>(
        &self,
        script: &'static Script,
        name: &str,
        arguments: &[&str],
    ) -> Result<T, StoreUnavailable> {
        let call = ScriptCall { script, key: format!("{PREFIX}{name}"), arguments };
        let connection = self.connection().ok_or(StoreUnavailable)?;
        with_retries(|| connection.invoke(&call)).await
    }

    fn connection(&self) -> Option<&Connection> {
        if let Some(connection) = self.connection.get() {
            return Some(connection);
        }
        let connection = self.topology.connection();
        let connection =
            connection.inspect_err(|error| tracing::error!(%error, "the session store cannot be used")).ok()?;
        if !self.is_subscribed.swap(true, Ordering::SeqCst) {
            tokio::spawn(subscriber::run(
                self.topology.clone(),
                Arc::clone(&self.on_ended),
                Arc::downgrade(&self.is_subscribed),
            ));
        }
        Some(self.connection.get_or_init(|| connection))
    }
}

/// Runs a command, with retries. Errors are logged.
async fn with_retries<T, F>(run: impl Fn() -> F) -> Result<T, StoreUnavailable>
where
    F: Future<Output = RedisResult<T>>,
{
    for _ in 0..ATTEMPTS {
        match run().await {
            Ok(value) => return Ok(value),
            Err(error) => tracing::warn!(%error, "a command to the session store failed"),
        }
    }
    Err(StoreUnavailable)
}
