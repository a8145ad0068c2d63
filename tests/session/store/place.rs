//! A hall whose sessions are kept in one of the places.

use vestibule::config::StoreConfig;

use crate::{hall::Hall, support::redis_server::Redis};

pub struct Place {
    pub hall: Hall,
    /// Whether the cookie holds an opaque name alone.
    pub opaque: bool,
    _redis: Option<Redis>,
}

impl Place {
    pub async fn cookie() -> Self {
        Self { hall: limited(StoreConfig::Cookie).await, opaque: false, _redis: None }
    }

    pub async fn memory() -> Self {
        Self { hall: limited(StoreConfig::Memory).await, opaque: true, _redis: None }
    }

    pub async fn redis() -> Self {
        let redis = Redis::start().await;
        let store = StoreConfig::try_from(redis.url()).unwrap();
        Self { hall: limited(store).await, opaque: true, _redis: Some(redis) }
    }
}

async fn limited(store: StoreConfig) -> Hall {
    Hall::with(|config| {
        config.session.store = store;
        config.session.idle_lifetime = 2_000;
        config.session.absolute_lifetime = 5_000;
    })
    .await
}
