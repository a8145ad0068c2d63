//! What becomes of a connection when its answer has ended.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::{Inner, http1::Connection, route::Route, upload::Flow};

/// How often unused connections are looked at. An upstream that closes one waits no longer for this end.
const SWEEP: Duration = Duration::from_secs(1);

/// Where the connection of an answer goes when both bodies have ended.
pub(super) struct Lease {
    pub(super) proxy: Arc<Inner>,
    pub(super) route: usize,
    /// For how many seconds the upstream keeps it.
    pub(super) keep_alive: Option<u64>,
    /// The upload of the same call, over HTTP/2: it is broken off with the end of the answer.
    pub(super) flow: Option<Arc<Flow>>,
}

impl Lease {
    /// One for a connection whose answer is read elsewhere. It has no upload of its own.
    pub(super) fn for_connection(&self) -> Self {
        Self { proxy: Arc::clone(&self.proxy), route: self.route, keep_alive: self.keep_alive, flow: None }
    }

    /// The upstream that the answer is of.
    pub(super) fn route(&self) -> &Route {
        &self.proxy.shared.routes[self.route]
    }

    /// The answer has ended.
    pub(super) fn end(&mut self) {
        if let Some(flow) = self.flow.take() {
            flow.give_up();
        }
    }

    /// Keeps the connection for the next call, if it can take one.
    pub(super) fn give_back(&self, mut connection: Box<Connection>) {
        if !connection.is_reusable() {
            return;
        }
        connection.rest();
        if self.proxy.pools[self.route].put(connection, self.keep_alive) {
            tokio::spawn(sweep(Arc::downgrade(&self.proxy), self.route));
        }
    }
}

/// Sweeps a pool for as long as it holds anything.
async fn sweep(proxy: Weak<Inner>, route: usize) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if !proxy.upgrade().is_some_and(|proxy| proxy.pools[route].sweep()) {
            return;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end();
    }
}
