//! A test application with one of the stores.

use std::any::Any;

use vestibule::config::StoreConfig;

use crate::{cluster::Cluster, sentinel::SentinelSetup, support::redis_server::Redis, test_app::TestApp};

pub struct StoreSetup {
    pub app: TestApp,
    /// Whether the cookie holds only an opaque token.
    pub opaque: bool,
    /// The servers, which end with the setup.
    _servers: Option<Box<dyn Any>>,
}

impl StoreSetup {
    pub async fn cookie() -> Self {
        Self { app: limited(StoreConfig::Cookie).await, opaque: false, _servers: None }
    }

    pub async fn memory() -> Self {
        Self { app: limited(StoreConfig::Memory).await, opaque: true, _servers: None }
    }

    pub async fn redis() -> Self {
        let redis = Redis::start().await;
        Self::at(redis.url(), redis).await
    }

    pub async fn sentinel() -> Self {
        let watched = SentinelSetup::start().await;
        Self::at(watched.url(), watched).await
    }

    pub async fn cluster() -> Self {
        let cluster = Cluster::start().await;
        Self::at(cluster.url(), cluster).await
    }

    async fn at(url: String, servers: impl Any) -> Self {
        let store = StoreConfig::try_from(url).unwrap();
        Self { app: limited(store).await, opaque: true, _servers: Some(Box::new(servers)) }
    }
}

async fn limited(store: StoreConfig) -> TestApp {
    TestApp::with(|config| {
        config.session.store = store;
        config.session.idle_lifetime = 2_000;
        config.session.absolute_lifetime = 5_000;
    })
    .await
}
