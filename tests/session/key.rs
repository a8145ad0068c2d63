//! The keys: a new one is taken into use with nobody logged out.

use vestibule::{
    config::{Config, StoreConfig},
    secret::Secret,
};

use crate::{
    hall::Hall,
    support::{browser::Browser, redis_server::Redis},
};

const NEW: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

/// The same browser at another server.
fn moved(browser: &Browser, to: &Hall) -> Browser {
    let mut moved = to.browser();
    moved.cookies = browser.cookies.clone();
    moved
}

async fn rotates(store: StoreConfig) {
    let old = Hall::with(|config| config.session.store = store.clone()).await;
    let replica = async |keys: fn(&mut Config)| {
        let change = |config: &mut Config| {
            config.session.store = store.clone();
            keys(config);
        };
        Hall::replica(old.stub.clone(), old.clock.clone(), change).await
    };
    let both = replica(|config| config.session.keys.insert(0, Secret::new(NEW))).await;
    let new = replica(|config| config.session.keys = vec![Secret::new(NEW)]).await;

    let ada = old.logged_in("ada@example.com").await;
    let mut stranger = moved(&ada, &new);
    assert_eq!(stranger.get("/who").await.body, "nobody", "the key alone opens it");
    assert_eq!(stranger.cookies, ada.cookies, "it may be another server's");

    let mut ada = moved(&ada, &both);
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    // What is written from now on has the new key.
    old.clock.advance(100);
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    assert_eq!(moved(&ada, &new).get("/who").await.body, "ada@example.com");
    assert_eq!(moved(&ada, &old).get("/who").await.body, "nobody");
}

#[tokio::test]
async fn a_new_one_logs_nobody_out_of_a_cookie() {
    rotates(StoreConfig::Cookie).await;
}

#[tokio::test]
async fn a_new_one_logs_nobody_out_of_redis() {
    let redis = Redis::start().await;
    rotates(StoreConfig::try_from(redis.url()).unwrap()).await;
}
