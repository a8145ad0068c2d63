//! A store in this process, for tests and trials.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Replace, Stored};
use crate::clock::Clock;

/// Keeps everything until the process ends or its time is over.
pub(crate) struct Memory {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: HashMap<String, (Stored, i64)>,
    locks: HashMap<String, (String, i64)>,
    lists: HashMap<String, BTreeSet<String>>,
}

impl Memory {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    pub(super) fn load(&self, name: &str) -> Option<Stored> {
        let now = self.clock.now();
        let mut state = self.state();
        state.records.retain(|_, (_, until)| *until > now);
        state.records.get(name).map(|(stored, _)| stored.clone())
    }

    pub(super) fn save(&self, name: &str, stored: &Stored, rule: Replace, ttl: i64) -> bool {
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

    pub(super) fn enlist(&self, list: &str, member: &str, _ttl: i64) {
        self.state().lists.entry(list.to_owned()).or_default().insert(member.to_owned());
    }

    pub(super) fn listed(&self, list: &str) -> Vec<String> {
        self.state().lists.get(list).into_iter().flatten().cloned().collect()
    }

    pub(super) fn delist(&self, list: &str, member: &str) {
        if let Some(members) = self.state().lists.get_mut(list) {
            members.remove(member);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
