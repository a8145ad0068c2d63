//! Key rotation logs no user out.

use vestibule::{
    config::{Config, StoreConfig},
    secret::Secret,
};

use crate::{
    support::{browser::Browser, redis_server::Redis},
    test_app::TestApp,
};

const NEW: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

/// The same browser with another server.
fn moved(browser: &Browser, to: &TestApp) -> Browser {
    let mut moved = to.browser();
    moved.cookies = browser.cookies.clone();
    moved
}

async fn rotates(store: StoreConfig) {
    let old = TestApp::with(|config| config.session.store = store.clone()).await;
    let replica = async |keys: fn(&mut Config)| {
        let change = |config: &mut Config| {
            config.session.store = store.clone();
            keys(config);
        };
        TestApp::replica(old.stub.clone(), old.clock.clone(), change).await
    };
    let both = replica(|config| config.session.keys.insert(0, Secret::new(NEW))).await;
    let new = replica(|config| config.session.keys = vec![Secret::new(NEW)]).await;

    let ada = old.logged_in("ada@example.com").await;
    let mut stranger = moved(&ada, &new);
    assert_eq!(stranger.get("/who").await.body, "nobody", "the key alone opens it");
    assert_eq!(stranger.cookies, ada.cookies, "it may be another server's");

    let mut ada = moved(&ada, &both);
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    // New values are sealed with the new key.
    old.clock.advance(100);
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    assert_eq!(moved(&ada, &new).get("/who").await.body, "ada@example.com");
    assert_eq!(moved(&ada, &old).get("/who").await.body, "nobody");
}

#[tokio::test]
async fn a_new_key_logs_no_user_out_of_a_cookie() {
    rotates(StoreConfig::Cookie).await;
}

#[tokio::test]
async fn a_new_key_logs_no_user_out_of_redis() {
    let redis = Redis::start().await;
    rotates(StoreConfig::try_from(redis.url()).unwrap()).await;
}
