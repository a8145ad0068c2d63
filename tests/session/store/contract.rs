//! What holds wherever sessions are kept.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use vestibule::session::MAX_USER_AGENT;

use crate::{place::Place, support::browser::Browser};

const COOKIE: &str = "vestibule";

async fn who(browser: &mut Browser) -> String {
    browser.get("/who").await.body
}

pub async fn a_person_logged_in_until_the_log_out(place: Place) {
    let hall = &place.hall;
    let mut ada = hall.logged_in("ada@example.com").await;
    let mut grace = hall.logged_in("grace@example.com").await;
    assert_eq!((who(&mut ada).await, who(&mut grace).await), ("ada@example.com".into(), "grace@example.com".into()));
    let mut copy = ada.clone();
    assert_eq!(ada.post_form("/logout", &[]).await.status, 204);
    assert!(ada.cookies.is_empty());
    assert_eq!(hall.stub.memory().logouts, 1);
    let answer = copy.get("/api/proxy/notes").await;
    assert_eq!(answer.status, 401);
    assert!(answer.set_cookies().is_empty(), "a newer session may be on its way to the browser");
    hall.clock.advance(100);
    assert_eq!(copy.get("/api/proxy/notes").await.status, 401);
    assert!(copy.cookies.is_empty());
    assert_eq!(ada.post_form("/logout", &[]).await.status, 204, "again is the same");
    assert_eq!(who(&mut grace).await, "grace@example.com");
}

pub async fn the_tokens_from_the_browser(place: Place) {
    let mut ada = place.hall.browser();
    let answer = ada.post_form("/login/ada@example.com", &[]).await;
    let all = format!("{answer:?}");
    assert!(place.hall.stub.tokens().iter().all(|token| !all.contains(token)));
    let value = &ada.cookies[COOKIE];
    assert_eq!(value.len() == 43, place.opaque, "{value}");
    assert_eq!(ada.cookies.len(), 1);
}

pub async fn one_refresh_for_all(place: Place) {
    let hall = &place.hall;
    hall.stub.memory().refresh_delay = Duration::from_millis(100);
    let ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(900);
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
    assert_eq!(hall.stub.memory().refreshes, 1);
    let mut straggler = ada.clone();
    hall.clock.advance(50);
    assert_eq!(straggler.get("/api/proxy/notes").await.status, 200, "with the cookie from before");
    assert_eq!(hall.stub.memory().refreshes, 1);
    hall.clock.advance(850);
    assert_eq!(tabs.pop().unwrap().get("/api/proxy/notes").await.status, 200);
    assert_eq!(hall.stub.memory().refreshes, 2);
}

pub async fn the_lifetimes(place: Place) {
    let hall = &place.hall;
    hall.stub.memory().expires_in = Some(100_000);
    let mut ada = hall.logged_in("ada@example.com").await;
    for _ in 0..2 {
        hall.clock.advance(1_800);
        assert_eq!(who(&mut ada).await, "ada@example.com", "kept alive by use");
    }
    hall.clock.advance(1_800);
    assert_eq!(who(&mut ada).await, "nobody", "5,400 s are too old");
    let mut grace = hall.logged_in("grace@example.com").await;
    hall.clock.advance(2_000);
    assert_eq!(who(&mut grace).await, "nobody", "idle for too long");
}

pub async fn a_log_in_apart_from_what_was_before(place: Place) {
    let hall = &place.hall;
    let mut ada = hall.logged_in("ada@example.com").await;
    let mut planted = ada.clone();
    ada.post_form("/login/grace@example.com", &[]).await;
    assert_ne!(ada.cookies, planted.cookies);
    assert_eq!(who(&mut ada).await, "grace@example.com");
    assert_eq!(who(&mut planted).await, "nobody", "the former session has ended");
}

/// They may be another server's on the same host.
pub async fn wrong_cookies_alone(place: Place) {
    let hall = &place.hall;
    let good = hall.logged_in("ada@example.com").await.cookies[COOKIE].clone();
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
        let mut browser = hall.browser();
        browser.cookies.insert(COOKIE.into(), value.clone());
        let answer = browser.get("/who").await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "nobody"), "{value}");
        assert!(answer.set_cookies().is_empty(), "left alone: {value}");
        let answer = browser.post_form("/logout", &[]).await;
        assert!(answer.set_cookies().is_empty(), "also by nobody's log-out: {value}");
        browser.post_form("/login/ada@example.com", &[]).await;
        assert_eq!(who(&mut browser).await, "ada@example.com", "a log-in writes over {value}");
    }
}

pub async fn polling_passive(place: Place) {
    let hall = &place.hall;
    hall.stub.memory().expires_in = Some(100_000);
    let mut ada = hall.logged_in("ada@example.com").await;
    for _ in 0..3 {
        hall.clock.advance(600);
        let answer = ada.get("/api/session").await;
        assert_eq!(answer.json()["loggedIn"], true);
        assert!(answer.set_cookies().is_empty());
        let request = ada.request(Method::GET, "/who").header("x-vestibule-background", "1");
        assert_eq!(ada.send(request).await.body, "ada@example.com");
    }
    hall.clock.advance(200);
    assert_eq!(ada.get("/api/session").await.json()["loggedIn"], false);
    let memory = hall.stub.memory();
    assert_eq!((memory.refreshes, memory.seen.len()), (0, 0), "the API was not asked");
}

pub async fn the_order_of_answers(place: Place) {
    let hall = &place.hall;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(120);
    let slow = hall.start_slow(&ada, "/slow").await;
    ada.post_form("/logout", &[]).await;
    ada.post_form("/login/grace@example.com", &[]).await;
    hall.open_gate();
    let (_, late) = slow.await.unwrap();
    assert!(late.set_cookies().is_empty(), "{late:?}");
    assert_eq!(who(&mut ada).await, "grace@example.com");
}

pub async fn the_choice_to_stay(place: Place) {
    for (choice, persistent) in [("?keep=true", true), ("?keep=false", false), ("", true)] {
        let mut ada = place.hall.browser();
        let answer = ada.post_form(&format!("/login/ada@example.com{choice}"), &[]).await;
        assert_eq!(answer.set_cookies()[0].contains("Max-Age=2000"), persistent, "{choice}");
        place.hall.clock.advance(100);
        let touched = ada.get("/who").await.set_cookies().remove(0);
        assert_eq!(touched.contains("Max-Age=2000"), persistent, "{choice}");
    }
}

pub async fn watchers_told(place: Place) {
    let mut ada = place.hall.logged_in("ada@example.com").await;
    let stream = ada.request(Method::GET, "/api/session/events").send().await.unwrap();
    ada.post_form("/logout", &[]).await;
    assert!(stream.text().await.unwrap().contains("event: session-ended"));
}

pub async fn devices_apart(place: Place) {
    let hall = &place.hall;
    let mut phone = hall.logged_in("ada@example.com").await;
    hall.clock.advance(5);
    let mut desk = hall.logged_in("ada@example.com").await;
    let mut grace = hall.logged_in("grace@example.com").await;
    let devices = desk.get("/devices").await.json();
    let devices = devices.as_array().unwrap();
    // The cookie knows of itself alone.
    assert_eq!(devices.len(), if place.opaque { 2 } else { 1 }, "{devices:?}");
    assert_eq!(devices[0]["current"], true);
    if place.opaque {
        let other = devices[1]["id"].as_str().unwrap();
        let end = format!("/devices/{other}/end");
        assert_eq!(grace.post_form(&end, &[]).await.body, "false", "not hers");
        assert_eq!(who(&mut phone).await, "ada@example.com");
        assert_eq!(desk.post_form(&end, &[]).await.body, "true");
        assert_eq!(who(&mut phone).await, "nobody");
        phone = hall.logged_in("ada@example.com").await;
        assert_eq!(desk.post_form("/everywhere", &[]).await.body, "2");
        assert_eq!(who(&mut phone).await, "nobody");
    } else {
        assert_eq!(desk.post_form("/everywhere", &[]).await.body, "1");
        assert_eq!(who(&mut phone).await, "ada@example.com");
    }
    assert!(desk.cookies.is_empty());
    assert_eq!(who(&mut grace).await, "grace@example.com");
}

pub async fn devices_named(place: Place) {
    const DESK: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let hall = &place.hall;
    let log_in = async |user_agent: &[u8]| {
        let mut browser = hall.browser();
        let request = browser.request(Method::POST, "/login/ada@example.com").header("user-agent", user_agent);
        assert_eq!(browser.send(request).await.status, 200);
        browser
    };
    log_in(&[b"Mozilla/5.0 \xfc (iPhone)\t".as_slice(), &[b'x'; 4_000]].concat()).await;
    hall.clock.advance(5);
    hall.logged_in("ada@example.com").await;
    hall.clock.advance(5);
    let mut desk = log_in(DESK.as_bytes()).await;
    for renewed in [false, true] {
        if renewed {
            hall.clock.advance(900);
            assert_eq!(desk.get("/api/proxy/notes").await.status, 200);
            assert_eq!(hall.stub.memory().refreshes, 1);
        }
        let devices = desk.get("/devices").await.json();
        let devices = devices.as_array().unwrap();
        if !place.opaque {
            assert_eq!((devices.len(), &devices[0]["userAgent"]), (1, &Value::Null), "cookies are to be short");
            continue;
        }
        let current: Vec<_> = devices.iter().map(|device| device["current"] == true).collect();
        assert_eq!(current, [true, false, false], "{devices:?}");
        assert_eq!(devices[0]["userAgent"], DESK);
        assert_eq!(devices[1]["userAgent"], Value::Null, "it said nothing");
        let phone = devices[2]["userAgent"].as_str().unwrap();
        assert!(phone.starts_with("Mozilla/5.0  (iPhone)xxx") && phone.len() == MAX_USER_AGENT, "{phone}");
    }
}

pub async fn a_new_name(place: Place) {
    let hall = &place.hall;
    let mut ada = hall.logged_in("ada@example.com").await;
    let name = |answer: &crate::support::browser::Answer| answer.json()["user"]["name"].clone();
    assert_eq!(name(&ada.get("/api/session").await), "ada");
    ada.post_form("/name/Countess", &[]).await;
    assert_eq!(name(&ada.get("/api/session").await), "Countess");
    hall.clock.advance(900);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(hall.stub.memory().refreshes, 1);
    assert_eq!(name(&ada.get("/api/session").await), "Countess", "kept by a renewal");
    hall.clock.advance(120);
    let slow = hall.start_slow(&ada, "/slow").await;
    ada.post_form("/name/Lady", &[]).await;
    hall.open_gate();
    let (late, answer) = slow.await.unwrap();
    if !answer.set_cookies().is_empty() {
        ada.cookies = late.cookies;
    }
    assert_eq!(name(&ada.get("/api/session").await), "Lady", "a late answer does not undo it");
    let mut nobody = hall.browser();
    nobody.post_form("/name/Nobody", &[]).await;
    assert!(nobody.cookies.is_empty());
}
