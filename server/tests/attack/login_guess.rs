//! Password guessing, locked-out account owners, floods of signups.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use reqwest::Method;
use serde_json::json;

use crate::{
    api,
    program::Program,
    support::{
        browser::{Answer, Browser},
        stub::{PASSWORD, Stub},
    },
};

const ADA: &str = "ada@example.com";

/// A server behind a proxy at 127.0.0.1 that sends the client's address.
async fn behind_a_proxy(api: &str, variables: &[(&str, &str)]) -> Program {
    let own = [
        ("VESTIBULE_API__URL", api),
        ("VESTIBULE_LOGIN__ATTEMPTS_PER_MINUTE_PER_ADDRESS", "60"),
        ("VESTIBULE_PROXY__TRUSTED_PROXIES", "127.0.0.1"),
    ];
    Program::with(&[&own[..], variables].concat()).await
}

/// Logs in with the form.
async fn log_in(browser: &mut Browser, client: &str, email: &str, password: &str) -> Answer {
    let request = browser.request(Method::POST, "/api/login").header("x-forwarded-for", client);
    let fields = [("email", email), ("password", password), ("return_to", "/")];
    browser.send(request.form(&fields)).await
}

/// Logs in through the proxy.
async fn log_in_by_proxy(browser: &mut Browser, client: &str, email: &str, password: &str) -> Answer {
    let request = browser.request(Method::POST, "/api/proxy/auth/login").header("x-forwarded-for", client);
    browser.send(request.json(&json!({"email": email, "password": password}))).await
}

async fn guess(server: &Program, client: &str, email: &str) -> StatusCode {
    log_in(&mut server.browser(), client, email, "guess").await.status
}

#[tokio::test]
async fn guesses_at_one_account_from_many_addresses() {
    let stub = Stub::start().await;
    let limit = [("VESTIBULE_LOGIN__STRANGER_ATTEMPTS_PER_MINUTE_PER_ACCOUNT", "20")];
    let server = behind_a_proxy(&stub.url(), &limit).await;
    let mut tried = 0;
    for number in 0..100 {
        tried += usize::from(guess(&server, &format!("2001:db8:{number:x}::1"), ADA).await == 401);
    }
    assert!((20..40).contains(&tried), "{tried}");
    assert_eq!(guess(&server, "192.0.2.1", "grace@example.com").await, 401, "other accounts are not affected");
}

#[tokio::test]
async fn guesses_by_every_spelling_and_every_way_in() {
    let stub = Stub::start().await;
    let server = behind_a_proxy(&stub.url(), &[]).await;
    let spellings = ["ada@example.com", "ADA@example.com", " ada@Example.com ", "ａda@example.com", "áda@example.com"];
    let mut tried = 0;
    for number in 0..40 {
        let spelling = spellings[number % spellings.len()];
        let mut browser = server.browser();
        let response = match number % 3 {
            0 => log_in(&mut browser, "192.0.2.1", spelling, "guess").await,
            1 => log_in_by_proxy(&mut browser, "192.0.2.1", spelling, "guess").await,
            _ => {
                let request =
                    browser.request(Method::POST, "/api/proxy/AUTH//%6Cogin").header("x-forwarded-for", "192.0.2.1");
                let fields = [("email", spelling), ("password", "guess")];
                browser.send(request.form(&fields)).await
            }
        };
        tried += usize::from(response.status == 401);
    }
    assert!((10..20).contains(&tried), "{tried}");
}

/// Unknown browsers use up all attempts at the account, also from the owner's network.
#[tokio::test]
async fn to_keep_an_owner_out() {
    let stub = Stub::start().await;
    let limits = [("VESTIBULE_LOGIN__STRANGER_ATTEMPTS_PER_MINUTE_PER_ACCOUNT", "15")];
    let server = behind_a_proxy(&stub.url(), &limits).await;
    let mut owner = server.browser();
    assert_eq!(log_in(&mut owner, "198.51.100.1", ADA, PASSWORD).await.status, 200);
    owner.post_form("/api/logout", &[]).await;
    assert!(owner.cookies.is_empty() && !owner.marks.is_empty());
    let one_address = async { while guess(&server, "192.0.2.1", ADA).await != 429 {} };
    tokio::time::timeout(std::time::Duration::from_mins(1), one_address).await.unwrap();
    let mut elsewhere = server.browser();
    let response = log_in(&mut elsewhere, "198.51.100.2", ADA, PASSWORD).await;
    assert_eq!(response.status, 200, "one address does not lock the owner out elsewhere: {response:?}");
    for number in 0..100 {
        guess(&server, &format!("192.0.2.{}", 100 + number), ADA).await;
        guess(&server, "198.51.100.1", &format!("user-{number}@example.com")).await;
    }
    let stranger = log_in(&mut server.browser(), "203.0.113.1", ADA, PASSWORD).await;
    assert_eq!(stranger.status, 429, "unknown browsers have used up their attempts");
    assert!(stranger.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() <= 90);
    let response = log_in(&mut owner, "198.51.100.1", ADA, PASSWORD).await;
    assert_eq!(response.status, 200, "the owner's browser is known: {response:?}");
    let by_proxy = log_in_by_proxy(&mut owner, "198.51.100.1", "ADA@example.com", PASSWORD).await;
    assert_eq!(by_proxy.status, 200, "{by_proxy:?}");
}

/// A known-browser cookie is only valid for its account; a copied one allows a few guesses.
#[tokio::test]
async fn a_known_browser_cookie_that_gives_more_guesses() {
    let stub = Stub::start().await;
    let server = behind_a_proxy(&stub.url(), &[]).await;
    let mut mallory = server.browser();
    assert_eq!(log_in(&mut mallory, "192.0.2.1", "mallory@example.com", PASSWORD).await.status, 200);
    let mut tried = 0;
    for _ in 0..30 {
        tried += usize::from(log_in(&mut mallory, "192.0.2.1", ADA, "guess").await.status == 401);
    }
    assert!((10..15).contains(&tried), "no more than without it: {tried}");
    let mut owner = server.browser();
    assert_eq!(log_in(&mut owner, "198.51.100.1", ADA, PASSWORD).await.status, 200);
    let mut copied = server.browser();
    copied.marks = owner.marks.clone();
    let mut tried = 0;
    for number in 0..30 {
        let client = format!("203.0.113.{number}");
        tried += usize::from(log_in(&mut copied, &client, ADA, "guess").await.status == 401);
    }
    assert!((10..15).contains(&tried), "the same from any address: {tried}");
}

#[tokio::test]
async fn a_known_browser_cookie_that_an_api_reads_or_writes() {
    let stub = Stub::start().await;
    let server = behind_a_proxy(&stub.url(), &[]).await;
    let mut ada = server.browser();
    let response = log_in(&mut ada, "192.0.2.1", ADA, PASSWORD).await;
    let mark = response.set_cookies().into_iter().find(|cookie| cookie.starts_with("vestibule-known=")).unwrap();
    assert!(["; HttpOnly", "; SameSite=Strict", "; Path=/"].iter().all(|flag| mark.contains(flag)), "{mark}");
    for token in stub.tokens() {
        assert!(!mark.contains(&token));
    }
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert!(!stub.memory().seen.pop().unwrap().headers.contains_key("cookie"));
    let forged = get(async || ([("set-cookie", "vestibule-known=forged"), ("set-cookie", "lang=en")], "ok"));
    let api = api::serve(Router::new().route("/x", forged)).await;
    let server = behind_a_proxy(&api, &[("VESTIBULE_PROXY__ALLOW_SET_COOKIE", "lang")]).await;
    let response = server.browser().get("/api/proxy/x").await;
    assert!(response.set_cookies().iter().all(|cookie| !cookie.contains("known")), "{response:?}");
}

/// An API that counts the accounts that it creates.
async fn counting() -> (String, Arc<AtomicUsize>) {
    let accounts = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&accounts);
    let signup = async move || {
        let id = count.fetch_add(1, Ordering::SeqCst);
        (StatusCode::CREATED, Json(json!({"id": id})))
    };
    let login = async || Json(json!({"access_token": "a-token-for-tests", "expires_in": 900, "user": {"id": 1}}));
    let router = Router::new().route("/users", post(signup)).route("/auth/login", post(login));
    (api::serve(router).await, accounts)
}

async fn sign_up(server: &Program, client: &str, email: &str) -> Answer {
    let mut browser = server.browser();
    let request = browser.request(Method::POST, "/api/signup").header("x-forwarded-for", client);
    let fields = [("name", "Ada"), ("email", email), ("password", PASSWORD), ("return_to", "/")];
    browser.send(request.form(&fields)).await
}

#[tokio::test]
async fn a_flood_of_signups_and_an_account_in_spite_of_a_429() {
    let (api, accounts) = counting().await;
    let server = behind_a_proxy(&api, &[("VESTIBULE_LOGIN__SIGN_UPS_PER_MINUTE_PER_ADDRESS", "5")]).await;
    let mut created = 0;
    for number in 0..30 {
        let response = sign_up(&server, "192.0.2.1", &format!("user-{number}@example.com")).await;
        match response.status.as_u16() {
            200 => created += 1,
            429 => assert!(response.headers.contains_key("retry-after")),
            status => panic!("{status}: {response:?}"),
        }
        assert_eq!(accounts.load(Ordering::SeqCst), created, "a 429 creates no account");
    }
    assert!((5..10).contains(&created), "{created}");
    let response = sign_up(&server, "192.0.2.2", "new@example.com").await;
    assert_eq!(response.status, 200, "{response:?}");
}

/// Some APIs respond to the signup of an existing user with success, so that it does not reveal who is registered.
#[tokio::test]
async fn guesses_through_the_signup() {
    let (api, accounts) = counting().await;
    let limits = [
        ("VESTIBULE_LOGIN__SIGN_UPS_PER_MINUTE_PER_ADDRESS", "0"),
        ("VESTIBULE_LOGIN__STRANGER_ATTEMPTS_PER_MINUTE_PER_ACCOUNT", "20"),
    ];
    let server = behind_a_proxy(&api, &limits).await;
    for number in 0..60 {
        sign_up(&server, &format!("192.0.2.{number}"), ADA).await;
    }
    assert!((20..35).contains(&accounts.load(Ordering::SeqCst)));
}

/// The proxy sets `Forwarded`, and passes on the client's value of the other header.
#[tokio::test]
async fn an_address_of_the_clients_own_choice() {
    let stub = Stub::start().await;
    let server = behind_a_proxy(&stub.url(), &[("VESTIBULE_PROXY__CLIENT_ADDRESS_HEADER", "forwarded")]).await;
    let mut tried = 0;
    for number in 0..30 {
        let mut browser = server.browser();
        let request = browser
            .request(Method::POST, "/api/login")
            .header("x-forwarded-for", format!("203.0.113.{number}"))
            .header("forwarded", "for=192.0.2.1");
        let fields = [("email", ADA), ("password", "guess"), ("return_to", "/")];
        tried += usize::from(browser.send(request.form(&fields)).await.status == 401);
    }
    assert!((10..15).contains(&tried), "{tried}");
}

#[tokio::test]
async fn warns_at_the_start_if_all_clients_share_one_address() {
    let stub = Stub::start().await;
    let https = [("VESTIBULE_PUBLIC_URL", "https://app.example")];
    let server = Program::with(&[&[("VESTIBULE_API__URL", stub.url().as_str())], &https[..]].concat()).await;
    let line = server.logged("proxy.trusted_proxies").await;
    assert!(line.contains("WARN") && line.contains("one address"), "{line}");
    for quiet in [behind_a_proxy(&stub.url(), &https).await, Program::start(&stub).await] {
        quiet.logged("ready").await;
        assert!(!quiet.stop().await.contains("proxy.trusted_proxies"));
    }
}
