//! What holds behind Sentinels alone: another server takes over, and nobody is logged out.

use reqwest::Method;
use vestibule::config::StoreConfig;

use crate::{
    hall::Hall,
    only_redis::replicas_share,
    sentinel::{Watched, command, until},
    support::browser::Browser,
};

/// Two replicas with their sessions in what is at `url`.
async fn halls(url: String) -> (Hall, Hall) {
    let store = StoreConfig::try_from(url).unwrap();
    let here = Hall::with(|config| config.session.store = store.clone()).await;
    let there = Hall::replica(here.stub.clone(), here.clock.clone(), |config| config.session.store = store).await;
    (here, there)
}

/// Waits until somebody is known again, and is told to come again until then.
pub async fn known_again(browser: &mut Browser, email: &str) {
    until("known again", async || {
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

/// All goes on as before, at both replicas: reading, writing, renewing, and hearing of ends.
async fn goes_on(watched: &Watched, here: &Hall, there: &Hall, ada: &mut Browser) {
    known_again(ada, "ada@example.com").await;
    let mut tab = there.browser();
    tab.cookies = ada.cookies.clone();
    known_again(&mut tab, "ada@example.com").await;
    let before = here.stub.memory().refreshes;
    here.clock.advance(900);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(tab.get("/api/proxy/notes").await.status, 200);
    assert_eq!(here.stub.memory().refreshes, before + 1);
    here.logged_in("grace@example.com").await;
    until("both replicas listen", async || {
        let heard: (String, u8) = watched.ask_primary(&command("PUBSUB NUMSUB vestibule:ended")).await.unwrap();
        heard.1 == 2
    })
    .await;
    let stream = tab.request(Method::GET, "/api/session/events").send().await.unwrap();
    ada.post_form("/logout", &[]).await;
    assert!(stream.text().await.unwrap().contains("session-ended"), "told by the other replica");
    assert_eq!(tab.get("/who").await.body, "nobody");
}

#[tokio::test]
async fn sessions_outlive_a_failover() {
    let watched = Watched::start().await;
    let (here, there) = halls(watched.url()).await;
    let mut ada = here.logged_in("ada@example.com").await;
    watched.replicated().await;
    watched.fail_over().await;
    goes_on(&watched, &here, &there, &mut ada).await;
}

#[tokio::test]
async fn sessions_outlive_the_death_of_the_primary() {
    let mut watched = Watched::start().await;
    let (here, there) = halls(watched.url()).await;
    let mut ada = here.logged_in("ada@example.com").await;
    watched.replicated().await;
    watched.servers[0].kill();
    assert_eq!(ada.get("/who").await.status, 503);
    goes_on(&watched, &here, &there, &mut ada).await;
    assert_eq!(watched.primary().await, watched.servers[1].port());
}

#[tokio::test]
async fn replicas_share_ends_and_refreshes_of_sessions_in_cookies() {
    let watched = Watched::start().await;
    replicas_share(watched.url()).await;
}
