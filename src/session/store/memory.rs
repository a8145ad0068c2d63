//! The in-memory store, for tests and trials.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Replace, StoredRecord};
use crate::clock::Clock;

/// Keeps records until they expire or the process ends.
pub(crate) struct Memory {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: HashMap<String, (StoredRecord, i64)>,
    locks: HashMap<String, (String, i64)>,
    indexes: HashMap<String, BTreeSet<String>>,
}

impl Memory {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    pub(super) fn load(&self, name: &str) -> Option<StoredRecord> {
        let now = self.clock.now();
        let mut state = self.state();
        state.records.retain(|_, (_, until)| *until > now);
        state.records.get(name).map(|(stored, _)| stored.clone())
    }

    pub(super) fn save(&self, name: &str, stored: &StoredRecord, rule: Replace, ttl: i64) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        let there = state.records.get(name).filter(|(_, until)| *until > now).map(|(stored, _)| stored.version());
        let allowed = match there {
            None => rule == Replace::OlderOrNone,
            Some(there) => there < stored.version() || rule == Replace::SameOrOlder && there == stored.version(),
        };
        if allowed {
            state.records.insert(name.to_owned(), (stored.clone(), now + ttl));
        }
        allowed
    }

    pub(super) fn remove(&self, name: &str) -> bool {
        self.state().records.remove(name).is_some()
    }

    pub(super) fn lock(&self, name: &str, holder: &str, ttl: i64) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        let free = state.locks.get(name).is_none_or(|(other, until)| other == holder || *until <= now);
        if free {
            state.locks.insert(name.to_owned(), (holder.to_owned(), now + ttl));
        }
        free
    }

    pub(super) fn unlock(&self, name: &str, holder: &str) {
        let mut state = self.state();
        if state.locks.get(name).is_some_and(|(other, _)| other == holder) {
            state.locks.remove(name);
        }
    }

    pub(super) fn index_add(&self, index: &str, member: &str, _ttl: i64) {
        self.state().indexes.entry(index.to_owned()).or_default().insert(member.to_owned());
    }

    pub(super) fn index_members(&self, index: &str) -> Vec<String> {
        self.state().indexes.get(index).into_iter().flatten().cloned().collect()
    }

    pub(super) fn index_remove(&self, index: &str, member: &str) {
        if let Some(members) = self.state().indexes.get_mut(index) {
            members.remove(member);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
