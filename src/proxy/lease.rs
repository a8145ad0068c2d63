//! The connection that an answer comes by, until both bodies have ended.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{Inner, pool::Http1, upload::Flow};

/// How long the rest of an upload may still flow after its answer before the connection
/// is given up.
const LINGER: Duration = Duration::from_secs(30);

/// The connection that an answer comes by. It goes back to the pool when both bodies have ended, and
/// is closed when the answer is given up before.
pub(super) struct Lease {
    pub(super) connection: Option<Http1>,
    pub(super) proxy: Arc<Inner>,
    pub(super) route: usize,
    /// For how many seconds the upstream keeps it.
    pub(super) keep_alive: Option<u64>,
    /// The upload of the same call.
    pub(super) flow: Option<Arc<Flow>>,
}

impl Lease {
    /// Gives the connection back, at once or when it is ready.
    pub(super) fn finish(mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let (route, keep_alive, flow) = (self.route, self.keep_alive, self.flow.take());
        if connection.sender.is_ready() {
            self.proxy.pools[route].put(connection, keep_alive);
            return;
        }
        if connection.sender.is_closed() {
            give_up(flow.as_ref());
            return;
        }
        // The connection's task has not come round yet, or the upload goes on after the answer.
        let proxy = Arc::clone(&self.proxy);
        tokio::spawn(async move {
            if flow.as_ref().is_some_and(|flow| flow.is_held()) {
                give_up(flow.as_ref());
            }
            match timeout(LINGER, connection.sender.ready()).await {
                Ok(Ok(())) => proxy.pools[route].put(connection, keep_alive),
                _ => give_up(flow.as_ref()),
            }
        });
    }
}

fn give_up(flow: Option<&Arc<Flow>>) {
    if let Some(flow) = flow {
        flow.give_up();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        give_up(self.flow.as_ref());
    }
}
