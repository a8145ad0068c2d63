//! The server-side session stores, and the notifications between replicas.
//!
//! A store keeps sealed records by key, each with its version, and enforces one rule: an older record never replaces a
//! newer one, and a removed record never comes back.

mod memory;
mod redis;

use std::sync::Arc;

pub(crate) use self::{memory::Memory, redis::Redis};
use super::record::SessionId;

/// The store is unavailable. The cause has been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session store cannot be reached")]
pub(crate) struct StoreUnavailable;

/// A sealed record with its version: generation, then changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredRecord {
    pub(crate) generation: u32,
    pub(crate) changes: u32,
    pub(crate) sealed: String,
}

impl StoredRecord {
    fn version(&self) -> (u32, u32) {
        (self.generation, self.changes)
    }
}

/// Which record a new one may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replace {
    /// A record of the same version or older.
    SameOrOlder,
    /// An older record.
    Older,
    /// An older record, or none.
    OlderOrNone,
}

/// A session store. Times to live are in seconds.
pub(crate) enum Store {
    Memory(Arc<Memory>),
    Redis(Box<Redis>),
}

macro_rules! each {
    ($store:expr, $it:ident => $call:expr) => {
        match $store {
            Store::Memory($it) => Ok($call),
            Store::Redis($it) => $call.await,
        }
    };
}

impl Store {
    /// Loads a record.
    pub(crate) async fn load(&self, name: &str) -> Result<Option<StoredRecord>, StoreUnavailable> {
        each!(self, it => it.load(name))
    }

    /// Saves a record if the rule allows it. Returns whether it did.
    pub(crate) async fn save(
        &self,
        name: &str,
        stored: &StoredRecord,
        rule: Replace,
        ttl: i64,
    ) -> Result<bool, StoreUnavailable> {
        each!(self, it => it.save(name, stored, rule, ttl))
    }

    /// Removes a record. Returns whether it existed.
    pub(crate) async fn remove(&self, name: &str) -> Result<bool, StoreUnavailable> {
        each!(self, it => it.remove(name))
    }

    /// Acquires a lock for some time. Returns whether `holder` has it now. The lock can expire before its holder is done,
    /// so writes under it use [`Replace::Older`], which fences a holder that was too slow.
    pub(crate) async fn lock(&self, name: &str, holder: &str, ttl: i64) -> Result<bool, StoreUnavailable> {
        each!(self, it => it.lock(name, holder, ttl))
    }

    /// Releases a lock, if `holder` still has it.
    pub(crate) async fn unlock(&self, name: &str, holder: &str) -> Result<(), StoreUnavailable> {
        each!(self, it => it.unlock(name, holder))
    }

    /// Adds a member to an index, which lives at least as long as its members.
    pub(crate) async fn index_add(&self, index: &str, member: &str, ttl: i64) -> Result<(), StoreUnavailable> {
        each!(self, it => it.index_add(index, member, ttl))
    }

    /// The members of an index.
    pub(crate) async fn index_members(&self, index: &str) -> Result<Vec<String>, StoreUnavailable> {
        each!(self, it => it.index_members(index))
    }

    /// Removes a member from an index.
    pub(crate) async fn index_remove(&self, index: &str, member: &str) -> Result<(), StoreUnavailable> {
        each!(self, it => it.index_remove(index, member))
    }

    /// Notifies the other replicas that a session has ended.
    pub(crate) async fn publish_ended(&self, id: SessionId) -> Result<(), StoreUnavailable> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(redis) => redis.publish_ended(id).await,
        }
    }

    /// The same store with its own connection, for another runtime.
    pub(crate) fn with_own_connection(&self) -> Self {
        match self {
            Self::Memory(memory) => Self::Memory(Arc::clone(memory)),
            Self::Redis(redis) => Self::Redis(Box::new(redis.with_own_connection())),
        }
    }
}
