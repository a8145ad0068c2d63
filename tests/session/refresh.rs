//! Refresh: once for all concurrent requests, before the handler runs, and never with a logout by mistake.

use std::time::Duration;

use axum::http::StatusCode;
use reqwest::Method;
use tokio::sync::mpsc;

use crate::test_app::TestApp;

#[tokio::test]
async fn refreshes_an_expired_token_before_the_call() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    let before = ada.cookies.clone();
    app.clock.advance(900);
    let answer = ada.get("/api/proxy/notes").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["email"], "ada@example.com");
    assert_ne!(ada.cookies, before, "the new cookie is on that very answer");
    ada.get("/api/proxy/notes?again").await;
    assert_eq!(app.stub.memory().refreshes, 1);
    let targets: Vec<_> = app.stub.memory().seen.iter().map(|seen| seen.target.clone()).collect();
    assert_eq!(targets, ["/notes", "/notes?again"]);
}

/// The browser gets the new cookie long before the stream ends.
#[tokio::test]
async fn a_stream_brings_the_new_cookie_with_its_head() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    let (feed, events) = mpsc::channel(1);
    app.stub.memory().feed = Some(events);
    let before = ada.cookies.clone();
    app.clock.advance(900);
    let mut stream = ada.request(Method::GET, "/api/proxy/events").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    ada.keep_cookies(stream.headers());
    assert_ne!(ada.cookies, before);
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "data: ada@example.com\n\n");
    // The stream continues, and the new cookie is valid for other calls in the meantime.
    assert_eq!(ada.get("/api/proxy/notes").await.json()["email"], "ada@example.com");
    feed.send("data: more\n\n").await.unwrap();
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "data: more\n\n");
    assert_eq!(app.stub.memory().refreshes, 1);
    drop(feed);
    assert_eq!(stream.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn is_not_refreshed_before_it_is_due() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(839);
    ada.get("/who").await;
    assert_eq!(app.stub.memory().refreshes, 0);
    app.clock.advance(1);
    ada.get("/who").await;
    assert_eq!(app.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn fifty_requests_make_one_refresh() {
    let app = TestApp::open().await;
    app.stub.memory().refresh_delay = Duration::from_millis(200);
    let ada = app.logged_in("ada@example.com").await;
    app.clock.advance(900);
    let calls = (0..50).map(|_| {
        let mut tab = ada.clone();
        tokio::spawn(async move { tab.get("/api/proxy/notes").await.status })
    });
    for status in futures_util::future::join_all(calls).await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(app.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn a_straggler_with_the_previous_cookie_is_not_logged_out() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    let mut straggler = ada.clone();
    app.clock.advance(900);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    app.clock.advance(30);
    assert_eq!(straggler.get("/api/proxy/notes").await.status, 200);
    assert_eq!(app.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn a_client_that_disconnects_does_not_lose_the_tokens() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(900);
    app.stub.memory().holds_refreshes = true;
    let gone = tokio::spawn(ada.request(Method::GET, "/api/proxy/notes").send());
    app.stub.refreshing(1).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    app.stub.memory().holds_refreshes = false;
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(app.stub.memory().refreshes, 1);
}

/// The browser gets none of the new cookies, and returns hours later.
#[tokio::test]
async fn a_lost_new_cookie_logs_no_user_out() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    for round in 1..4 {
        app.clock.advance(3 * 60 * 60);
        assert_eq!(ada.clone().get("/api/proxy/notes").await.status, 200, "round {round}");
        assert_eq!(app.stub.memory().refreshes, round);
    }
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(app.stub.memory().refreshes, 3, "what was bought last serves");
}

/// A later request with the previous cookie has a copy of it.
#[tokio::test]
async fn a_previous_cookie_is_valid_for_a_minute_after_the_new_one_was_seen() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    let mut former = ada.clone();
    app.clock.advance(900);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    app.clock.advance(600);
    assert_eq!(ada.get("/who").await.body, "ada@example.com", "seen");
    app.clock.advance(59);
    assert_eq!(former.clone().get("/api/proxy/notes").await.status, 200);
    app.clock.advance(1);
    assert_eq!(former.get("/api/proxy/notes").await.status, 401, "the API is asked, and refuses");
}

#[tokio::test]
async fn an_outage_spends_each_refresh_token_once() {
    let app = TestApp::open().await;
    let ada = app.logged_in("ada@example.com").await;
    app.clock.advance(900);
    {
        let mut memory = app.stub.memory();
        (memory.failing_refreshes, memory.refresh_delay) = (1, Duration::from_millis(100));
    }
    for (seconds, refreshes) in [(0, 1), (2, 2)] {
        app.clock.advance(seconds);
        let calls = (0..300).map(|_| {
            let mut tab = ada.clone();
            tokio::spawn(async move { tab.get("/api/proxy/notes").await.status })
        });
        for status in futures_util::future::join_all(calls).await {
            assert_eq!(status.unwrap(), 200, "the former token is still good at this API");
        }
        assert_eq!(app.stub.memory().refreshes, refreshes, "one answer for all");
    }
    assert_eq!(ada.clone().get("/who").await.body, "ada@example.com");
}

#[tokio::test]
async fn a_logout_during_a_refresh_is_seen_by_its_waiters() {
    let app = TestApp::open().await;
    let ada = app.logged_in("ada@example.com").await;
    app.clock.advance(850);
    app.stub.memory().holds_refreshes = true;
    let mut tab = ada.clone();
    let waiting = tokio::spawn(async move { tab.get("/api/proxy/notes").await });
    app.stub.refreshing(1).await;
    // A passive request does not wait for the refresh: it uses the current token.
    let logout = ada.request(Method::POST, "/logout").header("x-vestibule-background", "1");
    assert_eq!(ada.clone().send(logout).await.status, 204);
    app.stub.memory().holds_refreshes = false;
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.set_cookies().is_empty());
}

#[tokio::test]
async fn a_login_ends_the_previous_session_at_the_api_as_well() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    ada.post_form("/login/grace@example.com", &[]).await;
    for _ in 0..4_000 {
        if app.stub.memory().logouts > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(app.stub.memory().logouts, 1);
    assert_eq!(ada.get("/api/proxy/notes").await.json()["email"], "grace@example.com");
}

#[tokio::test]
async fn a_failing_api_logs_no_user_out() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.stub.memory().refresh_status = Some(StatusCode::SERVICE_UNAVAILABLE);
    app.clock.advance(850);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200, "the old token is still good");
    app.clock.advance(100);
    app.stub.forget_access_tokens();
    let answer = ada.get("/api/proxy/notes").await;
    assert_eq!(answer.status, 503, "a 401 would look like a log-out");
    assert!(answer.headers.contains_key("retry-after") && answer.set_cookies().is_empty());
    assert_eq!(ada.get("/call").await.status, 503, "the same for pages");
    assert_eq!(ada.get("/who").await.body, "ada@example.com", "still logged in");
    app.stub.memory().refresh_status = None;
    app.clock.advance(1);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200, "goes on by itself");
}

#[tokio::test]
async fn a_refused_refresh_ends_the_session() {
    for status in [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED] {
        let app = TestApp::open().await;
        let mut ada = app.logged_in("ada@example.com").await;
        app.stub.memory().refresh_status = Some(status);
        app.clock.advance(900);
        let answer = ada.get("/api/proxy/notes").await;
        assert_eq!(answer.status, 401);
        assert!(ada.cookies.is_empty());
    }
}

#[tokio::test]
async fn after_a_401_the_token_is_refreshed_and_the_call_repeated() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    for (round, path) in ["/api/proxy/notes", "/call", "/api/proxy/notes"].into_iter().enumerate() {
        app.clock.advance(30);
        app.stub.forget_access_tokens();
        let request = match round {
            2 => ada.request(Method::POST, path).body("{\"title\":\"tea\"}"),
            _ => ada.request(Method::GET, path),
        };
        let answer = ada.send(request).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(app.stub.memory().refreshes, round + 1);
        assert_eq!(answer.set_cookies().len(), 1, "{path}: the new token is kept");
    }
    let last = app.stub.memory().seen.last().unwrap().clone();
    assert_eq!((last.method, last.body.as_ref()), (Method::POST, &b"{\"title\":\"tea\"}"[..]));
}

#[tokio::test]
async fn fifty_401s_make_one_refresh() {
    let app = TestApp::open().await;
    let ada = app.logged_in("ada@example.com").await;
    app.clock.advance(30);
    app.stub.forget_access_tokens();
    app.stub.memory().refresh_delay = Duration::from_millis(200);
    let calls = (0..50).map(|_| {
        let mut tab = ada.clone();
        tokio::spawn(async move { tab.get("/api/proxy/notes").await.status })
    });
    for status in futures_util::future::join_all(calls).await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(app.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn a_401_to_a_request_that_cannot_be_repeated_is_not_a_logout() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(30);
    app.stub.forget_access_tokens();
    let upload = |ada: &crate::support::browser::Browser| {
        ada.request(Method::POST, "/api/proxy/files").body(vec![7_u8; 200_000])
    };
    let answer = ada.send(upload(&ada)).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.headers.contains_key("retry-after"));
    let answer = ada.send(upload(&ada)).await;
    assert_eq!((answer.status.as_u16(), answer.json()["length"].as_u64()), (200, Some(200_000)));
    assert_eq!(app.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn a_401_to_a_new_token_has_another_cause() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.stub.forget_access_tokens();
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200, "renewed");
    app.stub.forget_access_tokens();
    let answer = ada.get("/api/proxy/notes").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["detail"], "who are you?", "passed on as it came");
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    assert_eq!(app.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn a_401_without_a_refresh_token_ends_the_session() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(30);
    app.stub.forget_access_tokens();
    app.stub.memory().refresh_status = Some(StatusCode::UNAUTHORIZED);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 401);
    assert!(ada.cookies.is_empty());
}

#[tokio::test]
async fn a_token_of_unknown_lifetime_is_refreshed_when_refused() {
    let app = TestApp::open().await;
    app.stub.memory().expires_in = None;
    let mut ada = app.logged_in("ada@example.com").await;
    for round in 0..3 {
        app.clock.advance(20 * 60 * 60);
        assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
        assert_eq!(app.stub.memory().refreshes, round, "it is good as long as the API takes it");
        app.stub.forget_access_tokens();
        assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
        assert_eq!(app.stub.memory().refreshes, round + 1);
    }
}

#[tokio::test]
async fn a_token_without_a_refresh_token_ends_with_its_lifetime() {
    let app = TestApp::open().await;
    app.stub.memory().login_answer = Some((
        StatusCode::OK,
        "application/json".into(),
        r#"{"access_token":"t","expires_in":60,"user":{"email":"ada@example.com"}}"#.into(),
    ));
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(59);
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    app.clock.advance(1);
    assert_eq!(ada.get("/api/session").await.json()["loggedIn"], false);
}
