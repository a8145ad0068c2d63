//! An API that takes a minute to answer a log-in: nobody waits that long, and nothing is lost by it.

use std::time::Duration;

use axum::http::StatusCode;
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use vestibule::config::ApiConfig;

use crate::{
    api::Reply,
    browser::Browser,
    door::{Door, EMAIL, PASSWORD, log_in_with},
    journal::Journal,
};

const MINUTE: Duration = Duration::from_mins(1);

fn fine() -> Reply {
    Reply::json(200, &json!({"access_token": "first-token", "expires_in": 900, "user": {"email": EMAIL}}))
}

/// An API of plain bytes: answers `head` at once, and a blank of its body every 20 ms for a minute.
async fn dripping(head: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let mut sent = stream.write_all(head.as_bytes()).await;
                for _ in 0..3_000 {
                    if sent.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    sent = stream.write_all(b" ").await;
                }
            });
        }
    });
    url
}

/// Both ways to log in, by the app and by the API's own path through the proxy, end in one sentence.
async fn gives_up(mut browser: Browser) {
    let fields = json!({"email": EMAIL, "password": PASSWORD});
    let (journal, guard) = Journal::open();
    for by_proxy in [false, true] {
        let before = browser.cookies.clone();
        let answer = if by_proxy {
            let request = browser.request(Method::POST, "/api/proxy/auth/login");
            browser.send(request.json(&fields)).await
        } else {
            log_in_with(&mut browser).await
        };
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.json()["detail"], "The service cannot be reached right now. Try again in a moment.");
        assert!(answer.set_cookies().is_empty(), "{answer:?}");
        assert_eq!(browser.cookies, before);
    }
    drop(guard);
    let errors = journal.errors();
    assert_eq!(errors.len(), 2, "the cause stands in the log once for each: {}", journal.text());
    assert!(errors.iter().all(|line| line.contains("timeout")), "{errors:?}");
    assert!(!journal.text().contains(PASSWORD));
}

#[tokio::test]
async fn one_that_is_silent_is_given_up_and_the_old_session_goes_on() {
    let door = Door::with(json!("demo"), |config| config.api.timeout = 1.0).await;
    door.api.on("POST /auth/login", fine());
    let mut ada = door.logged_in().await;
    door.api.on("POST /auth/login", Reply { delay: MINUTE, ..fine() });
    gives_up(ada.clone()).await;
    gives_up(door.browser()).await;

    door.api.on("GET /notes", Reply::json(200, &json!("fine")));
    assert_eq!(ada.get("/who").await.json()["email"], EMAIL);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(door.api.seen("GET /notes").last().unwrap().header("authorization"), "Bearer first-token");
}

#[tokio::test]
async fn a_log_out_holds_before_the_api_has_answered() {
    let door = Door::with(json!("demo"), |config| config.api.timeout = 1.0).await;
    door.api.on("POST /auth/login", fine());
    door.api.on("POST /auth/logout", Reply { delay: MINUTE, ..Reply::text(204, "text/plain", "") });
    let (mut ada, mut other) = (door.logged_in().await, door.logged_in().await);
    let mut copy = ada.clone();
    let gone = tokio::spawn(async move { ada.post_form("/logout", &[]).await });
    for _ in 0..400 {
        if !door.api.seen("POST /auth/logout").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(door.api.seen("POST /auth/logout").len(), 1);
    // Who closes the page meanwhile is logged out all the same.
    gone.abort();
    assert_eq!(copy.get("/api/session").await.json()["loggedIn"], false);
    assert_eq!(other.post_form("/logout", &[]).await.status, 204, "and who waits does not wait for a minute");
    assert!(other.cookies.is_empty());
}

#[tokio::test]
async fn one_that_drips_is_given_up_as_well() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{",
        "HTTP/1.1 200 OK\r\nx-dripping: ",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{",
    ] {
        let api = dripping(head).await;
        let door = Door::with(json!("demo"), |config| {
            config.api.timeout = 1.0;
            config.api.url = Some(api.parse().unwrap());
        })
        .await;
        gives_up(door.browser()).await;
    }
}

/// What `docs/contracts.md` says.
#[test]
fn the_usual_limit_is_fifteen_seconds() {
    let usual = ApiConfig::default().timeout;
    assert!((usual - 15.0).abs() < f64::EPSILON, "{usual}");
    let docs = include_str!("../../docs/contracts.md");
    assert!(docs.contains("`api.timeout` (15 s)"));
}
