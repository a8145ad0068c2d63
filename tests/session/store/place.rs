//! A hall whose sessions are kept in one of the places.

use std::any::Any;

use vestibule::config::StoreConfig;

use crate::{cluster::Cluster, hall::Hall, sentinel::Watched, support::redis_server::Redis};

pub struct Place {
    pub hall: Hall,
    /// Whether the cookie holds an opaque name alone.
    pub opaque: bool,
    /// Ends with the place.
    _servers: Option<Box<dyn Any>>,
}

impl Place {
    pub async fn cookie() -> Self {
        Self { hall: limited(StoreConfig::Cookie).await, opaque: false, _servers: None }
    }

    pub async fn memory() -> Self {
        Self { hall: limited(StoreConfig::Memory).await, opaque: true, _servers: None }
    }

    pub async fn redis() -> Self {
        let redis = Redis::start().await;
        Self::at(redis.url(), redis).await
    }

    pub async fn sentinel() -> Self {
        let watched = Watched::start().await;
        Self::at(watched.url(), watched).await
    }

    pub async fn cluster() -> Self {
        let cluster = Cluster::start().await;
        Self::at(cluster.url(), cluster).await
    }

    async fn at(url: String, servers: impl Any) -> Self {
        let store = StoreConfig::try_from(url).unwrap();
        Self { hall: limited(store).await, opaque: true, _servers: Some(Box::new(servers)) }
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
