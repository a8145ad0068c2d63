//! The event stream that tells open tabs when their session ends.

use reqwest::Method;

use crate::{support::browser::Browser, test_app::TestApp};

async fn open(browser: &Browser) -> reqwest::Response {
    let response = browser.request(Method::GET, "/api/session/events").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "private, no-store");
    response
}

/// Reads until the stream ends.
async fn rest(response: reqwest::Response) -> String {
    response.text().await.unwrap()
}

#[tokio::test]
async fn notifies_every_tab_of_that_session_and_no_other() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    let mut grace = app.logged_in("grace@example.com").await;
    let tabs = [open(&ada).await, open(&ada).await];
    let other = open(&grace).await;
    ada.post_form("/logout", &[]).await;
    for tab in tabs {
        assert!(rest(tab).await.ends_with("event: session-ended\ndata: {}\n\n"));
    }
    let other = tokio::spawn(rest(other));
    assert_eq!(grace.get("/who").await.body, "grace@example.com");
    assert!(!other.is_finished());
    other.abort();
}

#[tokio::test]
async fn is_notified_of_a_login_as_another_user() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    let tab = open(&ada).await;
    ada.post_form("/login/grace@example.com", &[]).await;
    assert!(rest(tab).await.contains("session-ended"));
}

#[tokio::test]
async fn is_passive_and_refuses_anonymous_clients() {
    let app = TestApp::open().await;
    assert_eq!(app.browser().get("/api/session/events").await.status, 204);
    let ada = app.logged_in("ada@example.com").await;
    app.clock.advance(890);
    let response = open(&ada).await;
    assert!(!response.headers().contains_key("set-cookie"));
    assert_eq!(app.stub.memory().refreshes, 0, "the API was not asked");
}
