//! Tests only for Sentinel: another server takes over, and no user is logged out.

use reqwest::Method;
use vestibule::config::StoreConfig;

use crate::{
    only_redis::replicas_share,
    sentinel::{SentinelSetup, command, until},
    support::browser::Browser,
    test_app::TestApp,
};

/// Two replicas with their sessions in the store at `url`.
async fn test_apps(url: String) -> (TestApp, TestApp) {
    let store = StoreConfig::try_from(url).unwrap();
    let here = TestApp::with(|config| config.session.store = store.clone()).await;
    let there = TestApp::replica(here.stub.clone(), here.clock.clone(), |config| config.session.store = store).await;
    (here, there)
}

/// Waits until the session is available again. Until then, responses are 503 with `Retry-After`.
pub async fn available_again(browser: &mut Browser, email: &str) {
    until("available again", async || {
        let answer = browser.get("/who").await;
        if answer.status == 503 {
            assert!(answer.headers.contains_key("retry-after") && answer.set_cookies().is_empty(), "{answer:?}");
            return false;
        }
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, email));
        true
    })
    .await;
}

/// All operations work at both replicas: reading, writing, refreshing and notifications.
async fn works(watched: &SentinelSetup, here: &TestApp, there: &TestApp, ada: &mut Browser) {
    available_again(ada, "ada@example.com").await;
    let mut tab = there.browser();
    tab.cookies = ada.cookies.clone();
    available_again(&mut tab, "ada@example.com").await;
    let before = here.stub.memory().refreshes;
    here.clock.advance(900);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(tab.get("/api/proxy/notes").await.status, 200);
    assert_eq!(here.stub.memory().refreshes, before + 1);
    here.logged_in("grace@example.com").await;
    until("both replicas are subscribed", async || {
        let heard: (String, u8) = watched.ask_primary(&command("PUBSUB NUMSUB vestibule:ended")).await.unwrap();
        heard.1 == 2
    })
    .await;
    let stream = tab.request(Method::GET, "/api/session/events").send().await.unwrap();
    ada.post_form("/logout", &[]).await;
    assert!(stream.text().await.unwrap().contains("session-ended"), "notified by the other replica");
    assert_eq!(tab.get("/who").await.body, "nobody");
}

#[tokio::test]
async fn sessions_outlive_a_failover() {
    let watched = SentinelSetup::start().await;
    let (here, there) = test_apps(watched.url()).await;
    let mut ada = here.logged_in("ada@example.com").await;
    watched.replicated().await;
    watched.fail_over().await;
    works(&watched, &here, &there, &mut ada).await;
}

#[tokio::test]
async fn sessions_outlive_the_death_of_the_primary() {
    let mut watched = SentinelSetup::start().await;
    let (here, there) = test_apps(watched.url()).await;
    let mut ada = here.logged_in("ada@example.com").await;
    watched.replicated().await;
    watched.servers[0].kill();
    assert_eq!(ada.get("/who").await.status, 503);
    works(&watched, &here, &there, &mut ada).await;
    assert_eq!(watched.primary().await, watched.servers[1].port());
}

#[tokio::test]
async fn replicas_share_ends_and_refreshes_of_sessions_in_cookies() {
    let watched = SentinelSetup::start().await;
    replicas_share(watched.url()).await;
}
