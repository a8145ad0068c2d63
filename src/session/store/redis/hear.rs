//! Hears of sessions that end at other replicas.

use std::{
    sync::{Weak, atomic::AtomicBool},
    time::Duration,
};

use futures_util::StreamExt;
use redis::{RedisResult, aio::PubSub};
use tokio::time::{sleep, timeout};

use super::{
    ENDED, Told,
    way::{Way, too_slow},
};
use crate::session::SessionId;

/// How long to wait before subscribing again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long subscribing may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Listens until nobody is left to be told.
pub(super) async fn listen(way: Way, told: Told, alive: Weak<AtomicBool>) {
    while alive.strong_count() > 0 {
        let result = match timeout(PATIENCE, subscribe(&way)).await {
            Ok(Ok(subscription)) => follow(subscription, &told, &alive).await,
            Ok(Err(error)) => Err(error),
            Err(_) => Err(too_slow()),
        };
        if let Err(error) = result {
            tracing::debug!(%error, "the ends of sessions cannot be heard for now");
        }
        sleep(PAUSE).await;
    }
}

async fn subscribe(way: &Way) -> RedisResult<PubSub> {
    let mut subscription = way.subscriber().await?;
    subscription.subscribe(ENDED).await?;
    Ok(subscription)
}

async fn follow(mut subscription: PubSub, told: &Told, alive: &Weak<AtomicBool>) -> RedisResult<()> {
    /// How often it is asked whether anybody is left.
    const STEP: Duration = Duration::from_secs(10);
    let mut messages = subscription.on_message();
    while alive.strong_count() > 0 {
        match timeout(STEP, messages.next()).await {
            Ok(Some(message)) => {
                if let Some(id) = message.get_payload::<String>().ok().and_then(|text| SessionId::parse(&text)) {
                    told(id);
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => {}
        }
    }
    Ok(())
}
