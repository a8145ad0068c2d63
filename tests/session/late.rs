//! Answers that come late: none puts an older session over a newer one, or takes a newer one away.

use axum::http::StatusCode;
use tokio::task::JoinHandle;

use crate::{
    hall::Hall,
    support::browser::{Answer, Browser},
};

/// Opens the gate, and takes over the cookies of the late answer as a browser does.
async fn finish(hall: &Hall, slow: JoinHandle<(Browser, Answer)>, browser: &mut Browser) -> Answer {
    hall.open_gate();
    let (late, answer) = slow.await.unwrap();
    if !answer.set_cookies().is_empty() {
        browser.cookies = late.cookies;
    }
    answer
}

#[tokio::test]
async fn a_late_touch_does_not_undo_a_refresh() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(120);
    let slow = hall.start_slow(&ada, "/slow").await;
    hall.clock.advance(730);
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    assert_eq!(hall.stub.memory().refreshes, 1);
    finish(&hall, slow, &mut ada).await;
    hall.clock.advance(1_000);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200, "the spent refresh token is not back");
    assert_eq!(hall.stub.memory().refreshes, 2);
}

#[tokio::test]
async fn a_late_refresh_does_not_undo_a_later_one() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(850);
    let slow = hall.start_slow(&ada, "/slow").await;
    assert_eq!(hall.stub.memory().refreshes, 1, "by the slow request");
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    hall.clock.advance(850);
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    assert_eq!(hall.stub.memory().refreshes, 2);
    finish(&hall, slow, &mut ada).await;
    hall.clock.advance(850);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(hall.stub.memory().refreshes, 3);
}

#[tokio::test]
async fn a_refresh_by_a_lone_slow_request_is_not_lost() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(850);
    let slow = hall.start_slow(&ada, "/slow").await;
    hall.clock.advance(600);
    let answer = finish(&hall, slow, &mut ada).await;
    assert_eq!(answer.set_cookies().len(), 1, "ten minutes later");
    hall.clock.advance(600);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
}

#[tokio::test]
async fn a_late_answer_brings_no_session_back_after_the_log_out() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    for advance in [120, 850] {
        hall.clock.advance(advance);
        let slow = hall.start_slow(&ada, "/slow").await;
        ada.post_form("/logout", &[]).await;
        ada.post_form("/login/grace@example.com", &[]).await;
        let answer = finish(&hall, slow, &mut ada).await;
        assert!(answer.set_cookies().is_empty(), "{answer:?}");
        assert_eq!(ada.get("/who").await.body, "grace@example.com");
    }
}

#[tokio::test]
async fn a_late_401_takes_no_newer_session_away() {
    let hall = Hall::open().await;
    hall.stub.memory().login_answer = Some((
        StatusCode::OK,
        "application/json".into(),
        r#"{"access_token":"t","expires_in":600,"user":{"email":"ada@example.com"}}"#.into(),
    ));
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.stub.memory().login_answer = None;
    let slow = hall.start_slow(&ada, "/slow/refused").await;
    ada.post_form("/login/grace@example.com", &[]).await;
    let answer = finish(&hall, slow, &mut ada).await;
    assert_eq!(answer.body, "nobody");
    assert!(answer.set_cookies().is_empty(), "{answer:?}");
    assert_eq!(ada.get("/who").await.body, "grace@example.com");
}

#[tokio::test]
async fn a_late_401_to_a_former_token_ends_nothing() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(100);
    ada.get("/who").await;
    let slow = hall.start_slow(&ada, "/slow/refused").await;
    hall.clock.advance(750);
    ada.get("/who").await;
    assert_eq!(hall.stub.memory().refreshes, 1);
    finish(&hall, slow, &mut ada).await;
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
}

#[tokio::test]
async fn a_late_touch_brings_no_former_name_back() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(120);
    let slow = hall.start_slow(&ada, "/slow").await;
    ada.post_form("/name/Countess", &[]).await;
    finish(&hall, slow, &mut ada).await;
    assert_eq!(ada.get("/api/session").await.json()["user"]["name"], "Countess");
}

#[tokio::test]
async fn a_refresh_under_way_brings_no_former_name_back() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    // The token is not due for the request that changes the name, and due a moment later.
    hall.clock.advance(839);
    let rename = hall.start_slow(&ada, "/slow/name").await;
    hall.clock.advance(1);
    hall.stub.memory().holds_refreshes = true;
    let mut tab = ada.clone();
    let refreshing = tokio::spawn(async move {
        let answer = tab.get("/who").await;
        (tab, answer)
    });
    hall.stub.refreshing(1).await;
    finish(&hall, rename, &mut ada).await;
    hall.stub.memory().holds_refreshes = false;
    let (mut tab, _) = refreshing.await.unwrap();
    assert_eq!(tab.get("/api/session").await.json()["user"]["name"], "Countess");
}
