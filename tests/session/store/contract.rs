//! The tests for every store.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use vestibule::session::MAX_USER_AGENT;

use crate::{store_setup::StoreSetup, support::browser::Browser};

const COOKIE: &str = "vestibule";

async fn who(browser: &mut Browser) -> String {
    browser.get("/who").await.body
}

pub async fn a_user_logged_in_until_the_logout(store: StoreSetup) {
    let app = &store.app;
    let mut ada = app.logged_in("ada@example.com").await;
    let mut grace = app.logged_in("grace@example.com").await;
    assert_eq!((who(&mut ada).await, who(&mut grace).await), ("ada@example.com".into(), "grace@example.com".into()));
    let mut copy = ada.clone();
    assert_eq!(ada.post_form("/logout", &[]).await.status, 204);
    assert!(ada.cookies.is_empty());
    assert_eq!(app.stub.memory().logouts, 1);
    let answer = copy.get("/api/proxy/notes").await;
    assert_eq!(answer.status, 401);
    assert!(answer.set_cookies().is_empty(), "a newer session may be on its way to the browser");
    app.clock.advance(100);
    assert_eq!(copy.get("/api/proxy/notes").await.status, 401);
    assert!(copy.cookies.is_empty());
    assert_eq!(ada.post_form("/logout", &[]).await.status, 204, "logout is idempotent");
    assert_eq!(who(&mut grace).await, "grace@example.com");
}

pub async fn the_tokens_from_the_browser(store: StoreSetup) {
    let mut ada = store.app.browser();
    let answer = ada.post_form("/login/ada@example.com", &[]).await;
    let all = format!("{answer:?}");
    assert!(store.app.stub.tokens().iter().all(|token| !all.contains(token)));
    let value = &ada.cookies[COOKIE];
    assert_eq!(value.len() == 43, store.opaque, "{value}");
    assert_eq!(ada.cookies.len(), 1);
}

pub async fn one_refresh_for_all(store: StoreSetup) {
    let app = &store.app;
    app.stub.memory().refresh_delay = Duration::from_millis(100);
    let ada = app.logged_in("ada@example.com").await;
    app.clock.advance(900);
    let calls = (0..50).map(|_| {
        let mut tab = ada.clone();
        tokio::spawn(async move {
            let answer = tab.get("/api/proxy/notes").await;
            (answer.status.as_u16(), tab)
        })
    });
    let mut tabs = Vec::new();
    for call in futures_util::future::join_all(calls).await {
        let (status, tab) = call.unwrap();
        assert_eq!(status, 200);
        tabs.push(tab);
    }
    assert_eq!(app.stub.memory().refreshes, 1);
    let mut straggler = ada.clone();
    app.clock.advance(50);
    assert_eq!(straggler.get("/api/proxy/notes").await.status, 200, "with the previous cookie");
    assert_eq!(app.stub.memory().refreshes, 1);
    app.clock.advance(850);
    assert_eq!(tabs.pop().unwrap().get("/api/proxy/notes").await.status, 200);
    assert_eq!(app.stub.memory().refreshes, 2);
}

pub async fn the_lifetimes(store: StoreSetup) {
    let app = &store.app;
    app.stub.memory().expires_in = Some(100_000);
    let mut ada = app.logged_in("ada@example.com").await;
    for _ in 0..2 {
        app.clock.advance(1_800);
        assert_eq!(who(&mut ada).await, "ada@example.com", "kept alive by use");
    }
    app.clock.advance(1_800);
    assert_eq!(who(&mut ada).await, "nobody", "5,400 s are too old");
    let mut grace = app.logged_in("grace@example.com").await;
    app.clock.advance(2_000);
    assert_eq!(who(&mut grace).await, "nobody", "idle for too long");
}

pub async fn a_login_apart_from_the_previous_session(store: StoreSetup) {
    let app = &store.app;
    let mut ada = app.logged_in("ada@example.com").await;
    let mut planted = ada.clone();
    ada.post_form("/login/grace@example.com", &[]).await;
    assert_ne!(ada.cookies, planted.cookies);
    assert_eq!(who(&mut ada).await, "grace@example.com");
    assert_eq!(who(&mut planted).await, "nobody", "the previous session has ended");
}

/// The cookies may belong to another server on the same host.
pub async fn foreign_cookies_untouched(store: StoreSetup) {
    let app = &store.app;
    let good = app.logged_in("ada@example.com").await.cookies[COOKIE].clone();
    let other = if good.ends_with('A') { 'B' } else { 'A' };
    let mut middle = good.clone().into_bytes();
    middle[10] = if middle[10] == b'A' { b'B' } else { b'A' };
    let values = [
        String::new(),
        "x".into(),
        "A".repeat(43),
        good[1..].into(),
        format!("{}{other}{other}", &good[..good.len() - 1]),
        String::from_utf8(middle).unwrap(),
        format!("2.{good}"),
        format!("{good}; {COOKIE}={good}"),
        "A".repeat(5000),
    ];
    for value in values {
        let mut browser = app.browser();
        browser.cookies.insert(COOKIE.into(), value.clone());
        let answer = browser.get("/who").await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "nobody"), "{value}");
        assert!(answer.set_cookies().is_empty(), "untouched: {value}");
        let answer = browser.post_form("/logout", &[]).await;
        assert!(answer.set_cookies().is_empty(), "also by an anonymous logout: {value}");
        browser.post_form("/login/ada@example.com", &[]).await;
        assert_eq!(who(&mut browser).await, "ada@example.com", "a login overwrites {value}");
    }
}

pub async fn polling_passive(store: StoreSetup) {
    let app = &store.app;
    app.stub.memory().expires_in = Some(100_000);
    let mut ada = app.logged_in("ada@example.com").await;
    for _ in 0..3 {
        app.clock.advance(600);
        let answer = ada.get("/api/session").await;
        assert_eq!(answer.json()["loggedIn"], true);
        assert!(answer.set_cookies().is_empty());
        let request = ada.request(Method::GET, "/who").header("x-vestibule-background", "1");
        assert_eq!(ada.send(request).await.body, "ada@example.com");
    }
    app.clock.advance(200);
    assert_eq!(ada.get("/api/session").await.json()["loggedIn"], false);
    let memory = app.stub.memory();
    assert_eq!((memory.refreshes, memory.seen.len()), (0, 0), "the API was not called");
}

pub async fn the_order_of_responses(store: StoreSetup) {
    let app = &store.app;
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(120);
    let slow = app.start_slow(&ada, "/slow").await;
    ada.post_form("/logout", &[]).await;
    ada.post_form("/login/grace@example.com", &[]).await;
    app.open_gate();
    let (_, late) = slow.await.unwrap();
    assert!(late.set_cookies().is_empty(), "{late:?}");
    assert_eq!(who(&mut ada).await, "grace@example.com");
}

pub async fn the_choice_to_stay_logged_in(store: StoreSetup) {
    for (choice, persistent) in [("?keep=true", true), ("?keep=false", false), ("", true)] {
        let mut ada = store.app.browser();
        let answer = ada.post_form(&format!("/login/ada@example.com{choice}"), &[]).await;
        assert_eq!(answer.set_cookies()[0].contains("Max-Age=2000"), persistent, "{choice}");
        store.app.clock.advance(100);
        let touched = ada.get("/who").await.set_cookies().remove(0);
        assert_eq!(touched.contains("Max-Age=2000"), persistent, "{choice}");
    }
}

pub async fn subscribers_notified(store: StoreSetup) {
    let mut ada = store.app.logged_in("ada@example.com").await;
    let stream = ada.request(Method::GET, "/api/session/events").send().await.unwrap();
    ada.post_form("/logout", &[]).await;
    assert!(stream.text().await.unwrap().contains("event: session-ended"));
}

pub async fn devices_apart(store: StoreSetup) {
    let app = &store.app;
    let mut phone = app.logged_in("ada@example.com").await;
    app.clock.advance(5);
    let mut desk = app.logged_in("ada@example.com").await;
    let mut grace = app.logged_in("grace@example.com").await;
    let devices = desk.get("/devices").await.json();
    let devices = devices.as_array().unwrap();
    // With sessions in cookies, only this one is known.
    assert_eq!(devices.len(), if store.opaque { 2 } else { 1 }, "{devices:?}");
    assert_eq!(devices[0]["current"], true);
    if store.opaque {
        let other = devices[1]["id"].as_str().unwrap();
        let end = format!("/devices/{other}/end");
        assert_eq!(grace.post_form(&end, &[]).await.body, "false", "not hers");
        assert_eq!(who(&mut phone).await, "ada@example.com");
        assert_eq!(desk.post_form(&end, &[]).await.body, "true");
        assert_eq!(who(&mut phone).await, "nobody");
        phone = app.logged_in("ada@example.com").await;
        assert_eq!(desk.post_form("/everywhere", &[]).await.body, "2");
        assert_eq!(who(&mut phone).await, "nobody");
    } else {
        assert_eq!(desk.post_form("/everywhere", &[]).await.body, "1");
        assert_eq!(who(&mut phone).await, "ada@example.com");
    }
    assert!(desk.cookies.is_empty());
    assert_eq!(who(&mut grace).await, "grace@example.com");
}

pub async fn devices_named(store: StoreSetup) {
    const DESK: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let app = &store.app;
    let login = async |user_agent: &[u8]| {
        let mut browser = app.browser();
        let request = browser.request(Method::POST, "/login/ada@example.com").header("user-agent", user_agent);
        assert_eq!(browser.send(request).await.status, 200);
        browser
    };
    login(&[b"Mozilla/5.0 \xfc (iPhone)\t".as_slice(), &[b'x'; 4_000]].concat()).await;
    app.clock.advance(5);
    app.logged_in("ada@example.com").await;
    app.clock.advance(5);
    let mut desk = login(DESK.as_bytes()).await;
    for renewed in [false, true] {
        if renewed {
            app.clock.advance(900);
            assert_eq!(desk.get("/api/proxy/notes").await.status, 200);
            assert_eq!(app.stub.memory().refreshes, 1);
        }
        let devices = desk.get("/devices").await.json();
        let devices = devices.as_array().unwrap();
        if !store.opaque {
            assert_eq!((devices.len(), &devices[0]["userAgent"]), (1, &Value::Null), "cookies are to be short");
            continue;
        }
        let current: Vec<_> = devices.iter().map(|device| device["current"] == true).collect();
        assert_eq!(current, [true, false, false], "{devices:?}");
        assert_eq!(devices[0]["userAgent"], DESK);
        assert_eq!(devices[1]["userAgent"], Value::Null, "it sent none");
        let phone = devices[2]["userAgent"].as_str().unwrap();
        assert!(phone.starts_with("Mozilla/5.0  (iPhone)xxx") && phone.len() == MAX_USER_AGENT, "{phone}");
    }
}

pub async fn a_new_name(store: StoreSetup) {
    let app = &store.app;
    let mut ada = app.logged_in("ada@example.com").await;
    let name = |answer: &crate::support::browser::Answer| answer.json()["user"]["name"].clone();
    assert_eq!(name(&ada.get("/api/session").await), "ada");
    ada.post_form("/name/Countess", &[]).await;
    assert_eq!(name(&ada.get("/api/session").await), "Countess");
    app.clock.advance(900);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(app.stub.memory().refreshes, 1);
    assert_eq!(name(&ada.get("/api/session").await), "Countess", "kept by a refresh");
    app.clock.advance(120);
    let slow = app.start_slow(&ada, "/slow").await;
    ada.post_form("/name/Lady", &[]).await;
    app.open_gate();
    let (late, answer) = slow.await.unwrap();
    if !answer.set_cookies().is_empty() {
        ada.cookies = late.cookies;
    }
    assert_eq!(name(&ada.get("/api/session").await), "Lady", "a late response does not undo it");
    let mut nobody = app.browser();
    nobody.post_form("/name/Nobody", &[]).await;
    assert!(nobody.cookies.is_empty());
}
