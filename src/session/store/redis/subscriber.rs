//! Subscribes to the ends of sessions at other replicas.

use std::{
    sync::{Weak, atomic::AtomicBool},
    time::Duration,
};

use futures_util::StreamExt;
use redis::{RedisResult, aio::PubSub};
use tokio::time::{sleep, timeout};

use super::{ENDED_CHANNEL, OnEnded, connection::timeout_error, topology::Topology};
use crate::session::SessionId;

/// The delay before subscribing again.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long subscribing may take.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Receives notifications until no store is left.
pub(super) async fn run(topology: Topology, on_ended: OnEnded, alive: Weak<AtomicBool>) {
    while alive.strong_count() > 0 {
        let result = match timeout(SUBSCRIBE_TIMEOUT, subscribe(&topology)).await {
            Ok(Ok(subscription)) => follow(subscription, &on_ended, &alive).await,
            Ok(Err(error)) => Err(error),
            Err(_) => Err(timeout_error()),
        };
        if let Err(error) = result {
            tracing::debug!(%error, "the subscription to ended sessions failed and is retried");
        }
        sleep(RETRY_DELAY).await;
    }
}

async fn subscribe(topology: &Topology) -> RedisResult<PubSub> {
    let mut subscription = topology.subscriber().await?;
    subscription.subscribe(ENDED_CHANNEL).await?;
    Ok(subscription)
}

async fn follow(mut subscription: PubSub, on_ended: &OnEnded, alive: &Weak<AtomicBool>) -> RedisResult<()> {
    /// How often `alive` is checked.
    const CHECK_INTERVAL: Duration = Duration::from_secs(10);
    let mut messages = subscription.on_message();
    while alive.strong_count() > 0 {
        match timeout(CHECK_INTERVAL, messages.next()).await {
            Ok(Some(message)) => {
                if let Some(id) = message.get_payload::<String>().ok().and_then(|text| SessionId::parse(&text)) {
                    on_ended(id);
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => {}
        }
    }
    Ok(())
}
