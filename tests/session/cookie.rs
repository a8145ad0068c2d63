//! The cookie itself. Tests for every store are in `store/contract.rs`.

use axum::http::StatusCode;
use reqwest::Method;

use crate::{support::browser::Browser, test_app::TestApp};

async fn who(browser: &mut Browser) -> String {
    browser.get("/who").await.body
}

#[tokio::test]
async fn has_every_flag() {
    let app = TestApp::open().await;
    let mut ada = app.browser();
    let answer = ada.post_form("/login/ada@example.com", &[]).await;
    let all = answer.set_cookies();
    let [cookie, mark] = &all[..] else { panic!("the session and the mark of a known browser: {answer:?}") };
    assert!(mark.starts_with("vestibule-known=") && mark.contains("HttpOnly"), "{mark}");
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=86400"] {
        assert!(cookie.split("; ").any(|part| part == flag), "{flag} in {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    assert!(!cookie.contains("eyJ"));
}

#[tokio::test]
async fn is_secure_and_host_bound_on_https() {
    let app = TestApp::with(|config| config.public_url = "https://app.example".parse().unwrap()).await;
    let browser = app.browser();
    let request = browser.request(Method::POST, "/login/ada@example.com").header("origin", "https://app.example");
    let answer = app.browser().send(request).await;
    let cookie = answer.set_cookies().remove(0);
    assert!(cookie.starts_with("__Host-vestibule="), "{cookie}");
    assert!(cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test]
async fn responses_of_a_session_are_private() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    let answer = ada.get("/who").await;
    assert_eq!(answer.headers["cache-control"], "private, no-store");
    assert_eq!(answer.headers["vary"], "Cookie");
    assert!(!app.browser().get("/who").await.headers.contains_key("cache-control"));
}

#[tokio::test]
async fn a_response_that_sets_the_cookie_is_never_cached() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    let answer = ada.get("/public").await;
    assert!(answer.set_cookies().is_empty());
    assert_eq!(answer.headers["cache-control"], "public, max-age=3600", "its handler knows better");
    app.clock.advance(120);
    let answer = ada.get("/public").await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(answer.headers["cache-control"], "private, no-store");
}

#[tokio::test]
async fn the_name_is_configurable() {
    let app = TestApp::with(|config| config.session.cookie_name = "shop".into()).await;
    let mut ada = app.browser();
    ada.cookies.insert("vestibule".into(), "another server's".into());
    ada.post_form("/login/ada@example.com", &[]).await;
    assert_eq!(who(&mut ada).await, "ada@example.com");
    assert_eq!(ada.post_form("/logout", &[]).await.status, 204);
    assert!(ada.cookies.contains_key("vestibule") && !ada.cookies.contains_key("shop"));
}

#[tokio::test]
async fn only_a_logout_clears_the_browsers_cache() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    assert!(!ada.get("/who").await.headers.contains_key("clear-site-data"));
    let answer = ada.post_form("/logout", &[]).await;
    assert_eq!(answer.headers["clear-site-data"], "\"cache\"");
    app.stub.memory().login_answer = Some((
        StatusCode::OK,
        "application/json".into(),
        r#"{"access_token":"t","user":{"email":"ada@example.com"}}"#.into(),
    ));
    let mut ada = app.logged_in("ada@example.com").await;
    let answer = ada.get("/api/proxy/notes").await;
    assert_eq!(answer.status, 401);
    assert!(ada.cookies.is_empty() && !answer.headers.contains_key("clear-site-data"));
}

#[tokio::test]
async fn tells_who_is_logged_in() {
    let app = TestApp::open().await;
    let anonymous = app.browser().get("/api/session").await;
    let nobody = serde_json::json!({
        "loggedIn": false, "user": null, "expiresAt": null, "secondsLeft": null, "canBeProlonged": false
    });
    assert_eq!(anonymous.json(), nobody);
    let status = app.logged_in("ada@example.com").await.get("/api/session").await.json();
    assert_eq!(status["user"]["email"], "ada@example.com");
    assert_eq!(status["expiresAt"], "2026-01-01T12:15:00Z");
    assert_eq!((&status["secondsLeft"], &status["canBeProlonged"]), (&86_400.into(), &true.into()));
}

#[tokio::test]
async fn only_activity_prolongs_an_idle_session() {
    let app =
        TestApp::with(|config| (config.session.idle_lifetime, config.session.absolute_lifetime) = (40, 100)).await;
    let mut ada = app.logged_in("ada@example.com").await;
    let left = async |ada: &mut Browser| {
        let status = ada.get("/api/session").await.json();
        (status["secondsLeft"].as_i64(), status["canBeProlonged"].as_bool().unwrap())
    };
    app.clock.advance(30);
    assert_eq!(left(&mut ada).await, (Some(10), true), "asking is no activity");
    assert_eq!(ada.post_form("/api/session", &[]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(left(&mut ada).await, (Some(40), true));
    app.clock.advance(35);
    assert_eq!(who(&mut ada).await, "ada@example.com", "any other request is one, however short the lifetime");
    assert_eq!(left(&mut ada).await, (Some(35), false), "the absolute lifetime");
    app.clock.advance(34);
    assert_eq!(ada.post_form("/api/session", &[]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(left(&mut ada).await, (Some(1), false));
    app.clock.advance(1);
    assert_eq!(left(&mut ada).await, (None, false));
    assert_eq!(ada.post_form("/api/session", &[]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_ends_with_a_token_that_cannot_be_refreshed() {
    let app = TestApp::open().await;
    let answer = r#"{"access_token":"t","expires_in":900,"user":{"email":"ada@example.com"}}"#;
    app.stub.memory().login_answer = Some((StatusCode::OK, "application/json".into(), answer.into()));
    let status = app.logged_in("ada@example.com").await.get("/api/session").await.json();
    assert_eq!((&status["secondsLeft"], &status["canBeProlonged"]), (&900.into(), &false.into()));
}

#[tokio::test]
async fn a_refused_login_leaves_the_session_unchanged() {
    let app = TestApp::open().await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.stub.memory().login_answer = Some((StatusCode::UNAUTHORIZED, "application/json".into(), "{}".into()));
    let answer = ada.post_form("/login/grace@example.com", &[]).await;
    assert_eq!(answer.status, 401);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(who(&mut ada).await, "ada@example.com");
}

#[tokio::test]
async fn a_large_user_is_sent_in_chunks_and_a_huge_one_is_refused() {
    let app = TestApp::open().await;
    let answer = |size: usize| {
        // Hex of a mixed sequence: deflate cannot make it small.
        let mut seed = 1_u64;
        let text: String = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + u8::try_from((seed >> 33) % 90).unwrap())
        })
        .filter(|letter| !matches!(letter, '"' | '\\'))
        .take(size)
        .collect();
        let body = format!(r#"{{"access_token":"token","user":{{"email":"big@example.com","text":"{text}"}}}}"#);
        (StatusCode::OK, "application/json".to_owned(), body)
    };
    app.stub.memory().login_answer = Some(answer(9_000));
    let mut big = app.logged_in("big@example.com").await;
    assert!(big.cookies.len() >= 3, "{:?}", big.cookies.keys());
    assert_eq!(who(&mut big).await, "big@example.com");
    let mut copy = big.clone();
    assert_eq!(copy.post_form("/logout", &[]).await.status, 204);
    assert!(copy.cookies.is_empty(), "each chunk is removed: {:?}", copy.cookies.keys());
    big = app.logged_in("big@example.com").await;
    app.stub.memory().login_answer = Some(answer(40_000));
    let refused = big.post_form("/login/big@example.com", &[]).await;
    assert_eq!(refused.status, 502);
    assert!(refused.set_cookies().is_empty());
    app.stub.memory().login_answer = None;
    big.post_form("/login/ada@example.com", &[]).await;
    assert_eq!(big.cookies.len(), 1, "stale chunks are removed");
    assert_eq!(who(&mut big).await, "ada@example.com");
}

#[tokio::test]
async fn concurrent_requests_share_a_new_cookie() {
    let app = TestApp::open().await;
    let ada = app.logged_in("ada@example.com").await;
    app.clock.advance(120);
    let slow = [app.start_slow(&ada, "/slow").await, app.start_slow(&ada, "/slow").await];
    app.clock.advance(2);
    let slow = [slow, [app.start_slow(&ada, "/slow").await, app.start_slow(&ada, "/slow").await]];
    let mut values = std::collections::HashSet::new();
    for slow in slow.into_iter().flatten() {
        app.open_gate();
        let (_, answer) = slow.await.unwrap();
        let [cookie] = &answer.set_cookies()[..] else { panic!("one cookie: {answer:?}") };
        values.insert(cookie.split(';').next().unwrap().to_owned());
    }
    assert_eq!(values.len(), 1, "sealed once: {}", values.len());
}
