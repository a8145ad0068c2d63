//! A store in Redis or Valkey, which all replicas share.

use std::{
    sync::{Arc, LazyLock, OnceLock, atomic::AtomicBool, atomic::Ordering},
    time::Duration,
};

use futures_util::StreamExt;
use redis::{
    Client, Cmd, FromRedisValue, RedisError, Script, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::time::{error::Elapsed, sleep, timeout};

use super::{Down, Replace, Stored};
use crate::{
    config::{ConfigError, RedisUrl},
    session::SessionId,
};

/// All names begin with it, so that the server can be shared with other programs.
const PREFIX: &str = "vestibule:";
/// Where the ends of sessions are announced.
const ENDED: &str = "vestibule:ended";
/// How long one attempt at a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long one attempt at a command may take, connecting included.
const ATTEMPT: Duration = Duration::from_secs(2);
/// A command that met a broken connection is tried once more: each one has the same effect twice as
/// once.
const ATTEMPTS: usize = 2;
/// How long to wait before subscribing again.
const PAUSE: Duration = Duration::from_secs(1);

/// `KEYS[1]` record · `ARGV` generation, sealed, seconds to live, rule. A write that is repeated after
/// its answer was lost finds its own value, and is told that it went well.
static SAVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"local there = redis.call('HMGET', KEYS[1], 'generation', 'sealed')
        if there[1] then
            local old, new = tonumber(there[1]), tonumber(ARGV[1])
            local same = old == new and (ARGV[4] == 'same' or there[2] == ARGV[2])
            if old > new or (old == new and not same) then return 0 end
        elseif ARGV[4] ~= 'none' then
            return 0
        end
        redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'sealed', ARGV[2])
        redis.call('EXPIRE', KEYS[1], ARGV[3])
        return 1",
    )
});
/// `KEYS[1]` lock · `ARGV` holder, seconds to live.
static LOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return 1 end
        if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
        return 0",
    )
});
/// `KEYS[1]` lock · `ARGV` holder.
static UNLOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(r"if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")
});
/// `KEYS[1]` list · `ARGV` member, seconds to live.
static ENLIST: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"redis.call('SADD', KEYS[1], ARGV[1])
        if redis.call('TTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
        return 1",
    )
});

/// One runtime's way to the server. The connection is made at the first use and again whenever it was
/// lost.
pub(crate) struct Redis {
    client: Client,
    connection: OnceLock<ConnectionManager>,
    /// Whether somebody listens for the ends of sessions; one of the runtimes does.
    listens: Arc<AtomicBool>,
    /// What is told of a session that ended at another replica.
    told: Arc<dyn Fn(SessionId) + Send + Sync>,
}

impl Redis {
    /// Prepares to use the server at `url`; `told` hears of sessions that end at any replica.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub(crate) fn new(
        key: &'static str,
        url: &RedisUrl,
        told: Arc<dyn Fn(SessionId) + Send + Sync>,
    ) -> Result<Self, ConfigError> {
        // The cause may quote the URL with its password.
        let client = Client::open(url.expose()).map_err(|_| ConfigError::new(key, format!("cannot be used: {url}")))?;
        Ok(Self { client, connection: OnceLock::new(), listens: Arc::default(), told })
    }

    pub(super) fn with_own_connection(&self) -> Self {
        Self {
            client: self.client.clone(),
            connection: OnceLock::new(),
            listens: Arc::clone(&self.listens),
            told: Arc::clone(&self.told),
        }
    }

    pub(super) async fn load(&self, name: &str) -> Result<Option<Stored>, Down> {
        let mut command = redis::cmd("HMGET");
        command.arg(format!("{PREFIX}{name}")).arg("generation").arg("sealed");
        let (generation, sealed): (Option<u32>, Option<String>) = self.run(&command).await?;
        Ok(generation.zip(sealed).map(|(generation, sealed)| Stored { generation, sealed }))
    }

    pub(super) async fn save(&self, name: &str, stored: &Stored, rule: Replace, ttl: i64) -> Result<bool, Down> {
        let rule = match rule {
            Replace::SameOrOlder => "same",
            Replace::Older => "older",
            Replace::OlderOrNone => "none",
        };
        let mut script = SAVE.key(format!("{PREFIX}{name}"));
        self.invoke(script.arg(stored.generation).arg(&stored.sealed).arg(ttl.max(1)).arg(rule)).await
    }

    pub(super) async fn remove(&self, name: &str) -> Result<bool, Down> {
        self.run(redis::cmd("DEL").arg(format!("{PREFIX}{name}"))).await
    }

    pub(super) async fn lock(&self, name: &str, holder: &str, ttl: i64) -> Result<bool, Down> {
        self.invoke(LOCK.key(format!("{PREFIX}{name}")).arg(holder).arg(ttl.max(1))).await
    }

    pub(super) async fn unlock(&self, name: &str, holder: &str) -> Result<(), Down> {
        self.invoke::<i64>(UNLOCK.key(format!("{PREFIX}{name}")).arg(holder)).await.map(drop)
    }

    pub(super) async fn enlist(&self, list: &str, member: &str, ttl: i64) -> Result<(), Down> {
        self.invoke::<i64>(ENLIST.key(format!("{PREFIX}{list}")).arg(member).arg(ttl.max(1))).await.map(drop)
    }

    pub(super) async fn listed(&self, list: &str) -> Result<Vec<String>, Down> {
        self.run(redis::cmd("SMEMBERS").arg(format!("{PREFIX}{list}"))).await
    }

    pub(super) async fn delist(&self, list: &str, member: &str) -> Result<(), Down> {
        self.run::<i64>(redis::cmd("SREM").arg(format!("{PREFIX}{list}")).arg(member)).await.map(drop)
    }

    pub(super) async fn announce(&self, id: SessionId) -> Result<(), Down> {
        self.run::<i64>(redis::cmd("PUBLISH").arg(ENDED).arg(id.to_string())).await.map(drop)
    }

    async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Down> {
        for _ in 0..ATTEMPTS {
            let Some(mut connection) = self.connection() else { break };
            if let Some(value) = succeeded(timeout(ATTEMPT, command.query_async(&mut connection)).await) {
                return Ok(value);
            }
        }
        Err(Down)
    }

    async fn invoke<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Down> {
        for _ in 0..ATTEMPTS {
            let Some(mut connection) = self.connection() else { break };
            if let Some(value) = succeeded(timeout(ATTEMPT, script.invoke_async(&mut connection)).await) {
                return Ok(value);
            }
        }
        Err(Down)
    }

    fn connection(&self) -> Option<ConnectionManager> {
        if let Some(connection) = self.connection.get() {
            return Some(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(200))
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ATTEMPT))
            .set_pipeline_buffer_size(1024);
        let connection = self
            .client
            .get_connection_manager_lazy(config)
            .inspect_err(|error| tracing::error!(%error, "the session store cannot be used"))
            .ok()?;
        if !self.listens.swap(true, Ordering::SeqCst) {
            tokio::spawn(listen(self.client.clone(), Arc::clone(&self.told), Arc::downgrade(&self.listens)));
        }
        Some(self.connection.get_or_init(|| connection).clone())
    }
}

/// The value of an attempt; the cause of a failure is logged.
fn succeeded<T>(attempt: Result<Result<T, RedisError>, Elapsed>) -> Option<T> {
    match attempt {
        Ok(Ok(value)) => return Some(value),
        Ok(Err(error)) => tracing::warn!(%error, "the session store failed"),
        Err(_) => tracing::warn!("the session store did not answer in time"),
    }
    None
}

/// Hears of sessions that end at other replicas, until nobody is left to be told.
async fn listen(client: Client, told: Arc<dyn Fn(SessionId) + Send + Sync>, alive: std::sync::Weak<AtomicBool>) {
    while alive.strong_count() > 0 {
        if let Err(error) = follow(&client, &told, &alive).await {
            tracing::debug!(%error, "the ends of sessions cannot be heard for now");
        }
        sleep(PAUSE).await;
    }
}

async fn follow(
    client: &Client,
    told: &Arc<dyn Fn(SessionId) + Send + Sync>,
    alive: &std::sync::Weak<AtomicBool>,
) -> Result<(), RedisError> {
    /// How often it is asked whether anybody is left.
    const STEP: Duration = Duration::from_secs(10);
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(ENDED).await?;
    let mut messages = subscription.on_message();
    while alive.strong_count() > 0 {
        match timeout(STEP, messages.next()).await {
            Ok(Some(message)) => {
                if let Some(id) = message.get_payload::<String>().ok().and_then(|text| SessionId::parse(&text)) {
                    told(id);
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => {}
        }
    }
    Ok(())
}
