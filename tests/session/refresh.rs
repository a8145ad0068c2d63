//! Refresh: once for all who need it, before the handler runs, and never a log-out by mistake.

use std::time::Duration;

use axum::http::StatusCode;
use reqwest::Method;
use tokio::sync::mpsc;

use crate::hall::Hall;

#[tokio::test]
async fn renews_an_expired_token_before_the_call() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    let before = ada.cookies.clone();
    hall.clock.advance(900);
    let answer = ada.get("/api/proxy/notes").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["email"], "ada@example.com");
    assert_ne!(ada.cookies, before, "the new cookie is on that very answer");
    ada.get("/api/proxy/notes?again").await;
    assert_eq!(hall.stub.memory().refreshes, 1);
    let targets: Vec<_> = hall.stub.memory().seen.iter().map(|seen| seen.target.clone()).collect();
    assert_eq!(targets, ["/notes", "/notes?again"]);
}

/// The browser has the new cookie long before the stream ends.
#[tokio::test]
async fn a_stream_brings_the_new_cookie_with_its_head() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    let (feed, events) = mpsc::channel(1);
    hall.stub.memory().feed = Some(events);
    let before = ada.cookies.clone();
    hall.clock.advance(900);
    let mut stream = ada.request(Method::GET, "/api/proxy/events").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    ada.keep_cookies(stream.headers());
    assert_ne!(ada.cookies, before);
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "data: ada@example.com\n\n");
    // The stream goes on, and the new cookie is good for other calls meanwhile.
    assert_eq!(ada.get("/api/proxy/notes").await.json()["email"], "ada@example.com");
    feed.send("data: more\n\n").await.unwrap();
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "data: more\n\n");
    assert_eq!(hall.stub.memory().refreshes, 1);
    drop(feed);
    assert_eq!(stream.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn is_not_renewed_before_it_is_due() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(839);
    ada.get("/who").await;
    assert_eq!(hall.stub.memory().refreshes, 0);
    hall.clock.advance(1);
    ada.get("/who").await;
    assert_eq!(hall.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn fifty_requests_make_one_refresh() {
    let hall = Hall::open().await;
    hall.stub.memory().refresh_delay = Duration::from_millis(200);
    let ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(900);
    let calls = (0..50).map(|_| {
        let mut tab = ada.clone();
        tokio::spawn(async move { tab.get("/api/proxy/notes").await.status })
    });
    for status in futures_util::future::join_all(calls).await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(hall.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn a_straggler_with_the_former_cookie_is_not_logged_out() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    let mut straggler = ada.clone();
    hall.clock.advance(900);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    hall.clock.advance(30);
    assert_eq!(straggler.get("/api/proxy/notes").await.status, 200);
    assert_eq!(hall.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_lose_the_tokens() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(900);
    hall.stub.memory().holds_refreshes = true;
    let gone = tokio::spawn(ada.request(Method::GET, "/api/proxy/notes").send());
    hall.stub.refreshing(1).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    hall.stub.memory().holds_refreshes = false;
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(hall.stub.memory().refreshes, 1);
}

/// The browser got none of the new cookies, and comes back hours later.
#[tokio::test]
async fn a_new_cookie_that_got_lost_logs_nobody_out() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    for round in 1..4 {
        hall.clock.advance(3 * 60 * 60);
        assert_eq!(ada.clone().get("/api/proxy/notes").await.status, 200, "round {round}");
        assert_eq!(hall.stub.memory().refreshes, round);
    }
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(hall.stub.memory().refreshes, 3, "what was bought last serves");
}

/// Whoever uses the former cookie after that has copied it.
#[tokio::test]
async fn a_former_cookie_serves_for_a_minute_once_the_new_one_was_seen() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    let mut former = ada.clone();
    hall.clock.advance(900);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    hall.clock.advance(600);
    assert_eq!(ada.get("/who").await.body, "ada@example.com", "seen");
    hall.clock.advance(59);
    assert_eq!(former.clone().get("/api/proxy/notes").await.status, 200);
    hall.clock.advance(1);
    assert_eq!(former.get("/api/proxy/notes").await.status, 401, "the API is asked, and refuses");
}

#[tokio::test]
async fn an_outage_spends_each_refresh_token_once() {
    let hall = Hall::open().await;
    let ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(900);
    {
        let mut memory = hall.stub.memory();
        (memory.failing_refreshes, memory.refresh_delay) = (1, Duration::from_millis(100));
    }
    for (seconds, refreshes) in [(0, 1), (2, 2)] {
        hall.clock.advance(seconds);
        let calls = (0..300).map(|_| {
            let mut tab = ada.clone();
            tokio::spawn(async move { tab.get("/api/proxy/notes").await.status })
        });
        for status in futures_util::future::join_all(calls).await {
            assert_eq!(status.unwrap(), 200, "the former token is still good at this API");
        }
        assert_eq!(hall.stub.memory().refreshes, refreshes, "one answer for all");
    }
    assert_eq!(ada.clone().get("/who").await.body, "ada@example.com");
}

#[tokio::test]
async fn a_log_out_during_a_refresh_is_seen_by_who_waits_for_it() {
    let hall = Hall::open().await;
    let ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(850);
    hall.stub.memory().holds_refreshes = true;
    let mut tab = ada.clone();
    let waiting = tokio::spawn(async move { tab.get("/api/proxy/notes").await });
    hall.stub.refreshing(1).await;
    // Passive requests wait for nothing: this one is logged in with the token that there is.
    let log_out = ada.request(Method::POST, "/logout").header("x-vestibule-background", "1");
    assert_eq!(ada.clone().send(log_out).await.status, 204);
    hall.stub.memory().holds_refreshes = false;
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.set_cookies().is_empty());
}

#[tokio::test]
async fn a_log_in_ends_the_former_session_at_the_api_as_well() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    ada.post_form("/login/grace@example.com", &[]).await;
    for _ in 0..4_000 {
        if hall.stub.memory().logouts > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(hall.stub.memory().logouts, 1);
    assert_eq!(ada.get("/api/proxy/notes").await.json()["email"], "grace@example.com");
}

#[tokio::test]
async fn a_failing_api_logs_nobody_out() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.stub.memory().refresh_status = Some(StatusCode::SERVICE_UNAVAILABLE);
    hall.clock.advance(850);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200, "the old token is still good");
    hall.clock.advance(100);
    hall.stub.forget_access_tokens();
    let answer = ada.get("/api/proxy/notes").await;
    assert_eq!(answer.status, 503, "a 401 would look like a log-out");
    assert!(answer.headers.contains_key("retry-after") && answer.set_cookies().is_empty());
    assert_eq!(ada.get("/call").await.status, 503, "the same for pages");
    assert_eq!(ada.get("/who").await.body, "ada@example.com", "still logged in");
    hall.stub.memory().refresh_status = None;
    hall.clock.advance(1);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200, "goes on by itself");
}

#[tokio::test]
async fn a_refused_refresh_ends_the_session() {
    for status in [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED] {
        let hall = Hall::open().await;
        let mut ada = hall.logged_in("ada@example.com").await;
        hall.stub.memory().refresh_status = Some(status);
        hall.clock.advance(900);
        let answer = ada.get("/api/proxy/notes").await;
        assert_eq!(answer.status, 401);
        assert!(ada.cookies.is_empty());
    }
}

#[tokio::test]
async fn a_401_renews_the_token_and_the_call_is_made_again() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    for (round, path) in ["/api/proxy/notes", "/call", "/api/proxy/notes"].into_iter().enumerate() {
        hall.clock.advance(30);
        hall.stub.forget_access_tokens();
        let request = match round {
            2 => ada.request(Method::POST, path).body("{\"title\":\"tea\"}"),
            _ => ada.request(Method::GET, path),
        };
        let answer = ada.send(request).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(hall.stub.memory().refreshes, round + 1);
        assert_eq!(answer.set_cookies().len(), 1, "{path}: the new token is kept");
    }
    let last = hall.stub.memory().seen.last().unwrap().clone();
    assert_eq!((last.method, last.body.as_ref()), (Method::POST, &b"{\"title\":\"tea\"}"[..]));
}

#[tokio::test]
async fn fifty_401s_make_one_refresh() {
    let hall = Hall::open().await;
    let ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(30);
    hall.stub.forget_access_tokens();
    hall.stub.memory().refresh_delay = Duration::from_millis(200);
    let calls = (0..50).map(|_| {
        let mut tab = ada.clone();
        tokio::spawn(async move { tab.get("/api/proxy/notes").await.status })
    });
    for status in futures_util::future::join_all(calls).await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(hall.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn a_401_to_what_cannot_be_repeated_is_no_log_out() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(30);
    hall.stub.forget_access_tokens();
    let upload = |ada: &crate::support::browser::Browser| {
        ada.request(Method::POST, "/api/proxy/files").body(vec![7_u8; 200_000])
    };
    let answer = ada.send(upload(&ada)).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.headers.contains_key("retry-after"));
    let answer = ada.send(upload(&ada)).await;
    assert_eq!((answer.status.as_u16(), answer.json()["length"].as_u64()), (200, Some(200_000)));
    assert_eq!(hall.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn a_401_to_a_brand_new_token_means_something_else() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.stub.forget_access_tokens();
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200, "renewed");
    hall.stub.forget_access_tokens();
    let answer = ada.get("/api/proxy/notes").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["detail"], "who are you?", "passed on as it came");
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    assert_eq!(hall.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn a_401_that_nothing_renews_ends_the_session() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(30);
    hall.stub.forget_access_tokens();
    hall.stub.memory().refresh_status = Some(StatusCode::UNAUTHORIZED);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 401);
    assert!(ada.cookies.is_empty());
}

#[tokio::test]
async fn a_token_that_says_nothing_of_its_end_is_renewed_when_it_is_refused() {
    let hall = Hall::open().await;
    hall.stub.memory().expires_in = None;
    let mut ada = hall.logged_in("ada@example.com").await;
    for round in 0..3 {
        hall.clock.advance(20 * 60 * 60);
        assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
        assert_eq!(hall.stub.memory().refreshes, round, "it is good as long as the API takes it");
        hall.stub.forget_access_tokens();
        assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
        assert_eq!(hall.stub.memory().refreshes, round + 1);
    }
}

#[tokio::test]
async fn a_token_without_a_refresh_token_ends_with_its_lifetime() {
    let hall = Hall::open().await;
    hall.stub.memory().login_answer = Some((
        StatusCode::OK,
        "application/json".into(),
        r#"{"access_token":"t","expires_in":60,"user":{"email":"ada@example.com"}}"#.into(),
    ));
    let mut ada = hall.logged_in("ada@example.com").await;
    hall.clock.advance(59);
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    hall.clock.advance(1);
    assert_eq!(ada.get("/api/session").await.json()["loggedIn"], false);
}
