//! Late responses never overwrite or remove a newer session.

use axum::http::StatusCode;
use tokio::task::JoinHandle;

use crate::{
    support::browser::{Answer, Browser},
    test_app::TestApp,
};

/// Opens the gate, and stores the cookies of the late response as a browser does.
async fn finish(app: &TestApp, slow: JoinHandle<(Browser, Answer)>, browser: &mut Browser) -> Answer {
    app.open_gate();
    let (late, answer) = slow.await.unwrap();
    if !answer.set_cookies().is_empty() {
        browser.cookies = late.cookies;
    }
    answer
}

#[tokio::test]
async fn a_late_touch_does_not_undo_a_refresh() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(120);
    let slow = app.start_slow(&ada, "/slow").await;
    app.clock.advance(730);
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    assert_eq!(app.stub.memory().refreshes, 1);
    finish(&app, slow, &mut ada).await;
    app.clock.advance(1_000);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200, "the spent refresh token is not restored");
    assert_eq!(app.stub.memory().refreshes, 2);
}

#[tokio::test]
async fn a_late_refresh_does_not_undo_a_later_one() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(850);
    let slow = app.start_slow(&ada, "/slow").await;
    assert_eq!(app.stub.memory().refreshes, 1, "by the slow request");
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    app.clock.advance(850);
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    assert_eq!(app.stub.memory().refreshes, 2);
    finish(&app, slow, &mut ada).await;
    app.clock.advance(850);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(app.stub.memory().refreshes, 3);
}

#[tokio::test]
async fn a_refresh_by_a_lone_slow_request_is_not_lost() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(850);
    let slow = app.start_slow(&ada, "/slow").await;
    app.clock.advance(600);
    let answer = finish(&app, slow, &mut ada).await;
    assert_eq!(answer.set_cookies().len(), 1, "ten minutes later");
    app.clock.advance(600);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
}

#[tokio::test]
async fn a_late_response_restores_no_session_after_the_logout() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    for advance in [120, 850] {
        app.clock.advance(advance);
        let slow = app.start_slow(&ada, "/slow").await;
        ada.post_form("/logout", &[]).await;
        ada.post_form("/login/grace@example.com", &[]).await;
        let answer = finish(&app, slow, &mut ada).await;
        assert!(answer.set_cookies().is_empty(), "{answer:?}");
        assert_eq!(ada.get("/who").await.body, "grace@example.com");
    }
}

#[tokio::test]
async fn a_late_401_removes_no_newer_session() {
    let app = TestApp::open().await;
    app.stub.memory().login_answer = Some((
        StatusCode::OK,
        "application/json".into(),
        r#"{"access_token":"t","expires_in":600,"user":{"email":"ada@example.com"}}"#.into(),
    ));
    let mut ada = app.logged_in("ada@example.com").await;
    app.stub.memory().login_answer = None;
    let slow = app.start_slow(&ada, "/slow/refused").await;
    ada.post_form("/login/grace@example.com", &[]).await;
    let answer = finish(&app, slow, &mut ada).await;
    assert_eq!(answer.body, "nobody");
    assert!(answer.set_cookies().is_empty(), "{answer:?}");
    assert_eq!(ada.get("/who").await.body, "grace@example.com");
}

#[tokio::test]
async fn a_late_401_to_a_previous_token_ends_nothing() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(100);
    ada.get("/who").await;
    let slow = app.start_slow(&ada, "/slow/refused").await;
    app.clock.advance(750);
    ada.get("/who").await;
    assert_eq!(app.stub.memory().refreshes, 1);
    finish(&app, slow, &mut ada).await;
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
}

#[tokio::test]
async fn a_late_touch_restores_no_previous_name() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(120);
    let slow = app.start_slow(&ada, "/slow").await;
    ada.post_form("/name/Countess", &[]).await;
    finish(&app, slow, &mut ada).await;
    assert_eq!(ada.get("/api/session").await.json()["user"]["name"], "Countess");
}

#[tokio::test]
async fn a_refresh_in_flight_restores_no_previous_name() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    // The token is not due for the request that changes the name, and due a moment later.
    app.clock.advance(839);
    let rename = app.start_slow(&ada, "/slow/name").await;
    app.clock.advance(1);
    app.stub.memory().holds_refreshes = true;
    let mut tab = ada.clone();
    let refreshing = tokio::spawn(async move {
        let answer = tab.get("/who").await;
        (tab, answer)
    });
    app.stub.refreshing(1).await;
    finish(&app, rename, &mut ada).await;
    app.stub.memory().holds_refreshes = false;
    let (mut tab, _) = refreshing.await.unwrap();
    assert_eq!(tab.get("/api/session").await.json()["user"]["name"], "Countess");
}
