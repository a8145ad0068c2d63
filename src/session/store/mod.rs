//! Sessions that are kept on the server's side, and what replicas tell one another.
//!
//! A store keeps sealed records by name, each with its version, and guards one rule: an older
//! record never replaces a newer one, and none comes back once it was removed.

mod memory;
mod redis;

use std::sync::Arc;

pub(crate) use self::{memory::Memory, redis::Redis};
use super::record::SessionId;

/// The store cannot be reached. The cause has been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session store cannot be reached")]
pub(crate) struct Down;

/// A sealed record with its version: generation, then changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) generation: u32,
    pub(crate) changes: u32,
    pub(crate) sealed: String,
}

impl Stored {
    fn version(&self) -> (u32, u32) {
        (self.generation, self.changes)
    }
}

/// What a stored record may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replace {
    /// One of the same version or an older one.
    SameOrOlder,
    /// An older one.
    Older,
    /// An older one, or none.
    OlderOrNone,
}

/// What a store of sessions can do. Times to live are in seconds.
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
    /// The record of that name.
    pub(crate) async fn load(&self, name: &str) -> Result<Option<Stored>, Down> {
        each!(self, it => it.load(name))
    }

    /// Keeps a record if the rule allows it; tells whether it did.
    pub(crate) async fn save(&self, name: &str, stored: &Stored, rule: Replace, ttl: i64) -> Result<bool, Down> {
        each!(self, it => it.save(name, stored, rule, ttl))
    }

    /// Removes a record; tells whether there was one.
    pub(crate) async fn remove(&self, name: &str) -> Result<bool, Down> {
        each!(self, it => it.remove(name))
    }

    /// Takes a lock for some time; tells whether `holder` has it now. The lock outlives its holder, so
    /// what is done under it is done with [`Replace::Older`], which fences a holder that was too slow.
    pub(crate) async fn lock(&self, name: &str, holder: &str, ttl: i64) -> Result<bool, Down> {
        each!(self, it => it.lock(name, holder, ttl))
    }

    /// Gives a lock back, if `holder` still has it.
    pub(crate) async fn unlock(&self, name: &str, holder: &str) -> Result<(), Down> {
        each!(self, it => it.unlock(name, holder))
    }

    /// Adds a member to a list, which lives at least as long as its members.
    pub(crate) async fn enlist(&self, list: &str, member: &str, ttl: i64) -> Result<(), Down> {
        each!(self, it => it.enlist(list, member, ttl))
    }

    /// The members of a list.
    pub(crate) async fn listed(&self, list: &str) -> Result<Vec<String>, Down> {
        each!(self, it => it.listed(list))
    }

    /// Removes a member from a list.
    pub(crate) async fn delist(&self, list: &str, member: &str) -> Result<(), Down> {
        each!(self, it => it.delist(list, member))
    }

    /// Tells the other replicas that a session has ended.
    pub(crate) async fn announce(&self, id: SessionId) -> Result<(), Down> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(redis) => redis.announce(id).await,
        }
    }

    /// The same store with a connection of its own, for another runtime.
    pub(crate) fn with_own_connection(&self) -> Self {
        match self {
            Self::Memory(memory) => Self::Memory(Arc::clone(memory)),
            Self::Redis(redis) => Self::Redis(Box::new(redis.with_own_connection())),
        }
    }
}
