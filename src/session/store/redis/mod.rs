//! A store in Redis or Valkey, which all replicas share.

mod cluster;
mod hear;
mod script;
mod sentinel;
mod way;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use redis::{Cmd, FromRedisValue, RedisResult};

use self::{
    script::{Call, ENLIST, LOCK, SAVE, Script, UNLOCK},
    way::{Link, Way},
};
use super::{Down, Replace, Stored};
use crate::{
    config::{ConfigError, RedisUrl},
    session::SessionId,
};

/// All names begin with it, so that the server can be shared with other programs.
const PREFIX: &str = "vestibule:";
/// Where the ends of sessions are announced.
const ENDED: &str = "vestibule:ended";
/// A command that met a broken connection is tried once more: each one has the same effect twice as
/// once.
const ATTEMPTS: usize = 2;

/// What is told of a session that ended at another replica.
type Told = Arc<dyn Fn(SessionId) + Send + Sync>;

/// One runtime's store.
pub(crate) struct Redis {
    way: Way,
    link: OnceLock<Link>,
    /// Whether somebody listens for the ends of sessions; one of the runtimes does.
    listens: Arc<AtomicBool>,
    told: Told,
}

impl Redis {
    /// Prepares to use what is at `url`; `told` hears of sessions that end at any replica.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub(crate) fn new(key: &'static str, url: &RedisUrl, told: Told) -> Result<Self, ConfigError> {
        // The cause may quote the URL with its password.
        let way = Way::new(url).map_err(|_| ConfigError::new(key, format!("cannot be used: {url}")))?;
        Ok(Self { way, link: OnceLock::new(), listens: Arc::default(), told })
    }

    pub(super) fn with_own_connection(&self) -> Self {
        Self {
            way: self.way.clone(),
            link: OnceLock::new(),
            listens: Arc::clone(&self.listens),
            told: Arc::clone(&self.told),
        }
    }

    pub(super) async fn load(&self, name: &str) -> Result<Option<Stored>, Down> {
        let mut command = redis::cmd("HMGET");
        command.arg(format!("{PREFIX}{name}")).arg("generation").arg("changes").arg("sealed");
        let (generation, changes, sealed): (Option<u32>, Option<u32>, Option<String>) = self.run(&command).await?;
        let changes = changes.unwrap_or_default();
        Ok(generation.zip(sealed).map(|(generation, sealed)| Stored { generation, changes, sealed }))
    }

    pub(super) async fn save(&self, name: &str, stored: &Stored, rule: Replace, ttl: i64) -> Result<bool, Down> {
        let rule = match rule {
            Replace::SameOrOlder => "same",
            Replace::Older => "older",
            Replace::OlderOrNone => "none",
        };
        let (generation, changes) = (stored.generation.to_string(), stored.changes.to_string());
        let ttl = ttl.max(1).to_string();
        self.invoke(&SAVE, name, &[&generation, &stored.sealed, &ttl, rule, &changes]).await
    }

    pub(super) async fn remove(&self, name: &str) -> Result<bool, Down> {
        self.run(redis::cmd("DEL").arg(format!("{PREFIX}{name}"))).await
    }

    pub(super) async fn lock(&self, name: &str, holder: &str, ttl: i64) -> Result<bool, Down> {
        self.invoke(&LOCK, name, &[holder, &ttl.max(1).to_string()]).await
    }

    pub(super) async fn unlock(&self, name: &str, holder: &str) -> Result<(), Down> {
        self.invoke::<i64>(&UNLOCK, name, &[holder]).await.map(drop)
    }

    pub(super) async fn enlist(&self, list: &str, member: &str, ttl: i64) -> Result<(), Down> {
        self.invoke::<i64>(&ENLIST, list, &[member, &ttl.max(1).to_string()]).await.map(drop)
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
        let link = self.link().ok_or(Down)?;
        attempt(|| link.query(command)).await
    }

    async fn invoke<T: FromRedisValue>(
        &self,
        script: &'static Script,
        name: &str,
        arguments: &[&str],
    ) -> Result<T, Down> {
        let call = Call { script, key: format!("{PREFIX}{name}"), arguments };
        let link = self.link().ok_or(Down)?;
        attempt(|| link.invoke(&call)).await
    }

    fn link(&self) -> Option<&Link> {
        if let Some(link) = self.link.get() {
            return Some(link);
        }
        let link = self.way.link();
        let link = link.inspect_err(|error| tracing::error!(%error, "the session store cannot be used")).ok()?;
        if !self.listens.swap(true, Ordering::SeqCst) {
            tokio::spawn(hear::listen(self.way.clone(), Arc::clone(&self.told), Arc::downgrade(&self.listens)));
        }
        Some(self.link.get_or_init(|| link))
    }
}

/// Asks as often as makes sense. The cause of a failure is logged.
async fn attempt<T, F>(ask: impl Fn() -> F) -> Result<T, Down>
where
    F: Future<Output = RedisResult<T>>,
{
    for _ in 0..ATTEMPTS {
        match ask().await {
            Ok(value) => return Ok(value),
            Err(error) => tracing::warn!(%error, "the session store failed"),
        }
    }
    Err(Down)
}
