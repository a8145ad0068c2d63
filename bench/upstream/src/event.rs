//! The events that all streams get.

use std::{
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::Stream;
use tokio::{
    sync::broadcast::{self, Sender, error::RecvError},
    time::{MissedTickBehavior, interval},
};

/// How often everybody gets an event.
const PERIOD: Duration = Duration::from_millis(50);
const BACKLOG: usize = 64;

/// Sends one event to all of its streams each [`PERIOD`]. There is one per thread.
#[derive(Clone)]
pub struct Ticker(Sender<Bytes>);

impl Ticker {
    pub fn start() -> Self {
        let (sender, _) = broadcast::channel(BACKLOG);
        let ticker = Self(sender.clone());
        tokio::task::spawn_local(async move {
            let mut interval = interval(PERIOD);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                // Nobody listening is no error.
                let _ = sender.send(event());
            }
        });
        ticker
    }

    /// Each `nth` event from now on, after a first one at once.
    pub fn stream(&self, nth: u32) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let receiver = self.0.subscribe();
        futures_util::stream::unfold((receiver, true), move |(mut receiver, first)| async move {
            if first {
                return Some((Ok(event()), (receiver, false)));
            }
            let mut left = nth;
            loop {
                match receiver.recv().await {
                    Ok(_) if left > 1 => left -= 1,
                    Ok(event) => return Some((Ok(event), (receiver, false))),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        })
    }
}

/// An event that says when it was sent, in microseconds since 1970, and fills about 100 bytes.
fn event() -> Bytes {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    format!("event: note\ndata: {{\"sent\":{now},\"title\":\"Bread, butter, two lemons and the good olive oil\"}}\n\n")
        .into()
}
