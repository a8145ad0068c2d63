//! Returns a connection to the pool when its response has ended.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::{Inner, http1::Connection, route::Route, upload::UploadState};

/// How often unused connections are looked at. An upstream that closes one waits no longer for this end.
const SWEEP: Duration = Duration::from_secs(1);

/// The pool to which a response's connection returns when both bodies have ended.
pub(super) struct PoolReturn {
    pub(super) proxy: Arc<Inner>,
    pub(super) route: usize,
    /// For how many seconds the upstream keeps it.
    pub(super) keep_alive: Option<u64>,
    /// The upload of the same call, over HTTP/2: it is broken off with the end of the response.
    pub(super) upload_state: Option<Arc<UploadState>>,
}

impl PoolReturn {
    /// One for a connection whose response is read elsewhere. It has no upload of its own.
    pub(super) fn for_connection(&self) -> Self {
        Self { proxy: Arc::clone(&self.proxy), route: self.route, keep_alive: self.keep_alive, upload_state: None }
    }

    /// The upstream that the response is of.
    pub(super) fn route(&self) -> &Route {
        &self.proxy.shared.routes[self.route]
    }

    /// The response has ended.
    pub(super) fn end(&mut self) {
        if let Some(upload_state) = self.upload_state.take() {
            upload_state.give_up();
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

impl Drop for PoolReturn {
    fn drop(&mut self) {
        self.end();
    }
}
