//! One thread of the server: its runtime, its listener, its connections.

use std::{cell::Cell, io::ErrorKind, net::SocketAddr, pin::pin, rc::Rc, sync::Arc, time::Duration};

use futures_util::future::join;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, LocalOptions},
    sync::watch,
    time::Instant,
};

use crate::{
    census::{Census, Full, Place},
    connection::{Accepted, Roster, Rules},
    front::Front,
};

/// How long requests in flight may take at least to end after the signal to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How much longer than one call to the API what was begun may take: storing what came of it.
const GRACE_AFTER_CALL: Duration = Duration::from_secs(5);
/// How long to wait with the next connection when one could not be accepted, and when idle ones made room.
const PAUSE: Duration = Duration::from_millis(50);
const BREATH: Duration = Duration::from_millis(5);
/// How many idle connections are closed when the files run out.
const AT_ONCE: usize = 16;
/// How often it is said that connections are refused.
const WORD: Duration = Duration::from_mins(1);

/// What each thread serves by.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) rules: Rules,
    pub(crate) census: Arc<Census>,
    /// How long requests and what outlives them may take to end after the signal to stop.
    pub(crate) grace: Duration,
}

/// How long a server may take to stop whose calls to the API take `call` at most: none that was begun is thrown away.
pub(crate) fn grace(call: Duration) -> Duration {
    GRACE.max(call + GRACE_AFTER_CALL)
}

/// Serves until `stopped` says so. The runtime takes tasks that stay on a thread, which rendering pages has, as
/// it takes any other: a set of them beside the runtime would be woken by way of it.
pub(crate) fn run(
    listener: std::net::TcpListener,
    front: Arc<Front>,
    terms: Terms,
    stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(serve(listener, front, terms, stopped))
}

async fn serve(
    listener: std::net::TcpListener,
    front: Arc<Front>,
    terms: Terms,
    mut stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let graceful = GracefulShutdown::new();
    let door = Door { terms, roster: Rc::default(), said: Cell::new(None) };
    let mut stop = pin!(stopped.wait_for(|stop| *stop));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    if let Some(accepted) = door.admit(stream, client) {
                        accepted.serve(&door.terms.rules, &door.roster, Arc::clone(&front), graceful.watcher());
                    }
                }
                Err(error) => door.recover(&error).await,
            },
            _ = &mut stop => break,
        }
    }
    drop(listener);
    let grace = door.terms.grace.max(front.grace_time());
    let _ = tokio::time::timeout(grace, join(graceful.shutdown(), front.stop())).await;
    // What the last requests have begun. Other threads may wait for it as well.
    front.stop().await;
    Ok(())
}

/// Lets connections in.
struct Door {
    terms: Terms,
    roster: Rc<Roster>,
    /// When it was last said that connections are refused.
    said: Cell<Option<Instant>>,
}

impl Door {
    /// Takes a connection, or closes it at once. When there is no more room one without a request makes room.
    fn admit(&self, stream: TcpStream, client: SocketAddr) -> Option<Accepted> {
        let place = self.place(client)?;
        Some(Accepted { stream, client, place })
    }

    fn place(&self, client: SocketAddr) -> Option<Place> {
        match self.terms.census.enter(client.ip()) {
            Ok(place) => return Some(place),
            Err(Full::Server(place)) if self.roster.close_idle() => {
                self.say(|| tracing::warn!("idle connections are closed: there are `server.max_connections`"));
                return Some(place);
            }
            Err(Full::Server(_)) => {
                self.say(|| tracing::warn!(%client, "connections are refused: there are `server.max_connections`"));
            }
            Err(Full::Address) => self.say(|| {
                let client = client.ip();
                tracing::warn!(%client, "connections are refused: the address has `server.max_connections_per_address`");
            }),
        }
        None
    }

    /// After a connection could not be accepted. With too many open files, which is the usual cause, idle
    /// connections are closed.
    async fn recover(&self, error: &std::io::Error) {
        // The client has gone again.
        if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted) {
            return;
        }
        self.say(|| tracing::warn!(%error, "a connection could not be accepted"));
        let closed = (0..AT_ONCE).take_while(|_| self.roster.close_idle()).count();
        // They end when they are polled next.
        tokio::time::sleep(if closed > 0 { BREATH } else { PAUSE }).await;
    }

    fn say(&self, line: impl FnOnce()) {
        if self.said.get().is_none_or(|said| said.elapsed() >= WORD) {
            self.said.set(Some(Instant::now()));
            line();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_waits_for_what_a_call_to_the_api_has_begun() {
        assert_eq!(grace(Duration::from_secs(1)), Duration::from_secs(10));
        assert_eq!(grace(Duration::from_mins(1)), Duration::from_secs(65));
    }
}
