//! The cookie: what it shows, how long it holds, and what a wrong one does.

use reqwest::Method;

use crate::{hall::Hall, support::browser::Browser};

const COOKIE: &str = "vestibule";

async fn who(browser: &mut Browser) -> String {
    browser.get("/who").await.body
}

#[tokio::test]
async fn holds_the_session_and_hides_the_tokens() {
    let hall = Hall::open().await;
    let mut ada = hall.browser();
    let answer = ada.post_form("/login/ada@example.com", &[]).await;
    let [cookie] = &answer.set_cookies()[..] else { panic!("one cookie: {answer:?}") };
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=86400"] {
        assert!(cookie.split("; ").any(|part| part == flag), "{flag} in {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    assert_eq!(who(&mut ada).await, "ada@example.com");
    for token in hall.stub.tokens() {
        assert!(!format!("{answer:?}").contains(&token));
    }
    assert!(!cookie.contains("eyJ"));
}

#[tokio::test]
async fn is_secure_and_host_bound_on_https() {
    let hall = Hall::with(|config| config.public_url = "https://app.example".parse().unwrap()).await;
    let browser = hall.browser();
    let request = browser.request(Method::POST, "/login/ada@example.com").header("origin", "https://app.example");
    let answer = hall.browser().send(request).await;
    let cookie = answer.set_cookies().remove(0);
    assert!(cookie.starts_with("__Host-vestibule="), "{cookie}");
    assert!(cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test]
async fn answers_of_a_session_are_private() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    let answer = ada.get("/who").await;
    assert_eq!(answer.headers["cache-control"], "private, no-store");
    assert_eq!(answer.headers["vary"], "Cookie");
    assert!(!hall.browser().get("/who").await.headers.contains_key("cache-control"));
}

#[tokio::test]
async fn a_wrong_cookie_is_removed_and_never_an_error() {
    let hall = Hall::open().await;
    let good = hall.logged_in("ada@example.com").await.cookies[COOKIE].clone();
    let foreign = Hall::with(|config| config.session.refresh_before = 1).await;
    let mut flipped = good.clone().into_bytes();
    flipped[20] = if flipped[20] == b'A' { b'B' } else { b'A' };
    let mut values = vec![
        String::new(),
        "x".into(),
        "AAAA".into(),
        good[..good.len() - 3].into(),
        String::from_utf8(flipped).unwrap(),
        format!("2.{good}"),
        format!("{good}; {COOKIE}={good}"),
        "a".repeat(5000),
    ];
    // Sealed by another server: its key differs only when its randomness does, so tamper its version.
    let other = foreign.logged_in("eve@example.com").await.cookies[COOKIE].clone();
    values.push(format!("B{}", &other[1..]));
    for value in values {
        let mut browser = hall.browser();
        browser.cookies.insert(COOKIE.into(), value.clone());
        let answer = browser.get("/who").await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "nobody"), "{value}");
        assert!(browser.cookies.is_empty(), "removed: {value}");
    }
}

#[tokio::test]
async fn ends_when_idle_or_too_old() {
    let hall = Hall::with(|config| {
        config.session.idle_lifetime = 1_000;
        config.session.absolute_lifetime = 2_500;
    })
    .await;
    hall.stub.memory().expires_in = Some(100_000);
    let mut ada = hall.logged_in("ada@example.com").await;
    for _ in 0..2 {
        hall.clock.advance(900);
        assert_eq!(who(&mut ada).await, "ada@example.com", "kept alive by use");
    }
    hall.clock.advance(900);
    assert_eq!(who(&mut ada).await, "nobody", "2,700 s are too old");
    let mut grace = hall.logged_in("grace@example.com").await;
    hall.clock.advance(1_000);
    assert_eq!(who(&mut grace).await, "nobody", "idle for too long");
}

#[tokio::test]
async fn asking_for_the_session_does_not_prolong_it() {
    let hall = Hall::with(|config| config.session.idle_lifetime = 1_000).await;
    let mut ada = hall.logged_in("ada@example.com").await;
    for _ in 0..3 {
        hall.clock.advance(300);
        let answer = ada.get("/api/session").await;
        assert_eq!(answer.json()["loggedIn"], true);
        assert!(answer.set_cookies().is_empty());
        let request = ada.request(Method::GET, "/who").header("x-vestibule-background", "1");
        assert_eq!(ada.send(request).await.body, "ada@example.com");
    }
    hall.clock.advance(100);
    assert_eq!(ada.get("/api/session").await.json()["loggedIn"], false);
    let memory = hall.stub.memory();
    assert_eq!((memory.refreshes, memory.seen.len()), (0, 0), "the API was not asked");
}

#[tokio::test]
async fn lasts_as_long_as_the_person_wants() {
    let hall = Hall::open().await;
    for (choice, persistent) in [("?keep=true", true), ("?keep=false", false), ("", true)] {
        let mut ada = hall.browser();
        let answer = ada.post_form(&format!("/login/ada@example.com{choice}"), &[]).await;
        assert_eq!(answer.set_cookies()[0].contains("Max-Age=86400"), persistent, "{choice}");
        hall.clock.advance(100);
        let touched = ada.get("/who").await.set_cookies().remove(0);
        assert_eq!(touched.contains("Max-Age=86400"), persistent, "{choice}: kept by what is written later");
    }
}

#[tokio::test]
async fn a_log_out_clears_the_browsers_cache_and_nothing_else_does() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    assert!(!ada.get("/who").await.headers.contains_key("clear-site-data"));
    let answer = ada.post_form("/logout", &[]).await;
    assert_eq!(answer.headers["clear-site-data"], "\"cache\"");
    hall.stub.memory().login_answer = Some((
        axum::http::StatusCode::OK,
        "application/json".into(),
        r#"{"access_token":"t","user":{"email":"ada@example.com"}}"#.into(),
    ));
    let mut ada = hall.logged_in("ada@example.com").await;
    let answer = ada.get("/api/proxy/notes").await;
    assert_eq!(answer.status, 401);
    assert!(ada.cookies.is_empty() && !answer.headers.contains_key("clear-site-data"));
}

#[tokio::test]
async fn tells_who_is_logged_in() {
    let hall = Hall::open().await;
    let anonymous = hall.browser().get("/api/session").await;
    assert_eq!(anonymous.json(), serde_json::json!({"loggedIn": false, "user": null, "expiresAt": null}));
    let status = hall.logged_in("ada@example.com").await.get("/api/session").await.json();
    assert_eq!(status["user"]["email"], "ada@example.com");
    assert_eq!(status["expiresAt"], "2026-01-01T12:15:00Z");
}

#[tokio::test]
async fn a_copied_cookie_is_worth_nothing_after_the_log_out() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    let mut thief = ada.clone();
    assert_eq!(ada.post_form("/logout", &[]).await.status, 204);
    assert!(ada.cookies.is_empty());
    assert_eq!(hall.stub.memory().logouts, 1);
    let answer = thief.get("/api/proxy/notes").await;
    assert_eq!(answer.status, 401);
    assert!(answer.set_cookies().is_empty(), "a newer session may be on its way to the browser");
    hall.clock.advance(60);
    assert_eq!(thief.get("/api/proxy/notes").await.status, 401);
    assert!(thief.cookies.is_empty());
    assert_eq!(ada.post_form("/logout", &[]).await.status, 204, "again is the same");
    assert_eq!(hall.stub.memory().logouts, 1);
}

#[tokio::test]
async fn a_log_in_starts_a_session_of_its_own() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    let planted = ada.clone();
    ada.post_form("/login/grace@example.com", &[]).await;
    assert_eq!(who(&mut ada).await, "grace@example.com");
    assert_eq!(who(&mut planted.clone()).await, "nobody", "the former session has ended");
}

#[tokio::test]
async fn a_failed_log_in_leaves_the_session_as_it_was() {
    let hall = Hall::open().await;
    let mut ada = hall.logged_in("ada@example.com").await;
    let bad = [
        (200, "text/html", "<h1>hello</h1>"),
        (200, "application/json", ""),
        (200, "application/json", "{\"access_token\":7,\"user\":{}}"),
        (200, "application/json", "{\"access_token\":\"x\"}"),
        (302, "text/plain", "elsewhere"),
        (500, "text/plain", "oops"),
        (401, "application/json", "{}"),
    ];
    for (status, kind, body) in bad {
        let status = axum::http::StatusCode::from_u16(status).unwrap();
        hall.stub.memory().login_answer = Some((status, kind.into(), body.into()));
        let answer = ada.post_form("/login/grace@example.com", &[]).await;
        let expected = if status == 401 { 401 } else { 502 };
        assert_eq!(answer.status, expected, "{status} {body}");
        assert!(answer.set_cookies().is_empty());
        assert_eq!(who(&mut ada).await, "ada@example.com");
    }
}

#[tokio::test]
async fn a_large_person_travels_in_chunks_and_a_huge_one_is_refused() {
    let hall = Hall::open().await;
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
        (axum::http::StatusCode::OK, "application/json".to_owned(), body)
    };
    hall.stub.memory().login_answer = Some(answer(9_000));
    let mut big = hall.logged_in("big@example.com").await;
    assert!(big.cookies.len() >= 3, "{:?}", big.cookies.keys());
    assert_eq!(who(&mut big).await, "big@example.com");
    hall.stub.memory().login_answer = Some(answer(40_000));
    let refused = big.post_form("/login/big@example.com", &[]).await;
    assert_eq!(refused.status, 502);
    assert!(refused.set_cookies().is_empty());
    hall.stub.memory().login_answer = None;
    big.post_form("/login/ada@example.com", &[]).await;
    assert_eq!(big.cookies.len(), 1, "stale chunks are removed");
    assert_eq!(who(&mut big).await, "ada@example.com");
}
