//! Login, logout and signup: the server functions, for scripts and for plain forms.

use axum::http::StatusCode;
use reqwest::Method;

use crate::{
    program::Program,
    support::{
        browser::{Answer, Browser},
        stub::{PASSWORD, Stub},
    },
};

/// Sends a form as a browser without JavaScript does.
async fn submit(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let request = browser
        .request(Method::POST, path)
        .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        .header("sec-fetch-mode", "navigate")
        .header("referer", browser_referer(browser))
        .form(fields);
    browser.send(request).await
}

fn browser_referer(browser: &Browser) -> String {
    let request = browser.request(Method::GET, "/login").build().unwrap();
    request.url().to_string()
}

fn location(response: &Answer) -> &str {
    response.headers["location"].to_str().unwrap()
}

#[tokio::test]
async fn returns_the_user_and_never_a_token() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut ada = server.browser();
    let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("return_to", "/notes")];
    let response = ada.post_form("/api/login", &fields).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert!(response.body.contains("ada@example.com"));
    assert!(response.set_cookies()[0].starts_with("vestibule="));
    let page = ada.get("/account").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("ada@example.com"));
    let log = server.stop().await;
    for token in stub.tokens() {
        for text in [format!("{response:?}"), format!("{page:?}"), log.clone()] {
            assert!(!text.contains(&token), "{token} in {text}");
        }
    }
    assert!(!log.contains(PASSWORD));
}

#[tokio::test]
async fn a_failed_login_keeps_its_status_and_sets_no_cookie() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut browser = server.browser();
    let wrong = [("email", "ada@example.com"), ("password", "wrong"), ("return_to", "/notes")];
    let response = browser.post_form("/api/login", &wrong).await;
    assert_eq!(response.status, 401);
    assert!(response.set_cookies().is_empty());
    assert!(response.body.contains("E-mail or password is wrong"), "{response:?}");

    for (status, expected) in [(422, 422), (429, 429), (500, 502), (302, 502)] {
        let status = StatusCode::from_u16(status).unwrap();
        stub.memory().login_answer = Some((status, "application/json".into(), "{}".into()));
        let response = browser.post_form("/api/login", &wrong).await;
        assert_eq!(response.status, expected, "{status}: {response:?}");
        assert!(response.set_cookies().is_empty());
    }
}

#[tokio::test]
async fn a_form_without_javascript_leads_to_the_right_page() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut ada = server.browser();
    let wrong = [("email", "ada@example.com"), ("password", "wrong"), ("return_to", "/notes?q=tea")];
    let refused = submit(&mut ada, "/api/login", &wrong).await;
    assert_eq!(refused.status, 303, "{refused:?}");
    assert!(refused.set_cookies().is_empty());
    assert!(location(&refused).starts_with("/login?"));
    let page = ada.get(location(&refused)).await;
    assert!(page.body.contains("E-mail or password is wrong"), "{}", page.body);
    assert!(page.body.contains("value=\"ada@example.com\""), "the email is still there");
    assert!(page.body.contains("/notes?q=tea"), "the return path is still there");

    let right = [("email", "ada@example.com"), ("password", PASSWORD), ("return_to", "/notes?q=tea")];
    let accepted = submit(&mut ada, "/api/login", &right).await;
    assert_eq!((accepted.status.as_u16(), location(&accepted)), (303, "/notes?q=tea"));
    let out = submit(&mut ada, "/api/logout", &[]).await;
    assert_eq!(out.status, 303);
    assert!(ada.cookies.is_empty());
    assert_eq!(stub.memory().logouts, 1);
}

#[tokio::test]
async fn never_redirects_to_another_site() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    for target in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "\r\nX-Evil: 1",
        "/\u{e9}",
    ] {
        let mut ada = server.browser();
        let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("return_to", target)];
        let response = submit(&mut ada, "/api/login", &fields).await;
        assert_eq!((response.status.as_u16(), location(&response)), (303, "/notes"), "{target:?}");
        assert!(!response.headers.contains_key("x-evil"));
    }
}

#[tokio::test]
async fn rejects_requests_from_another_site() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut ada = server.logged_in("ada@example.com").await;
    for path in ["/api/login", "/api/logout", "/api/signup", "/api/proxy/notes"] {
        for site in ["cross-site", "same-site"] {
            let request = ada.request(Method::POST, path);
            let mut request = request.build().unwrap();
            request.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
            request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
            let response = reqwest::Client::new().execute(request).await.unwrap();
            assert_eq!(response.status(), 403, "{path} {site}");
            assert_eq!(response.headers()["content-type"], "application/problem+json");
        }
    }
    assert_eq!(ada.get("/api/session").await.json()["loggedIn"], true);
}

#[tokio::test]
async fn signs_up_and_names_invalid_fields() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut ada = server.browser();
    let taken = [("name", "Ada"), ("email", "taken@example.com"), ("password", PASSWORD), ("return_to", "")];
    let response = ada.post_form("/api/signup", &taken).await;
    assert_eq!(response.status, 422);
    assert!(response.body.contains("Somebody has this e-mail address already."), "{response:?}");
    assert!(ada.cookies.is_empty());
    let free = [("name", "Ada"), ("email", "ada@example.com"), ("password", PASSWORD), ("return_to", "")];
    assert_eq!(ada.post_form("/api/signup", &free).await.status, 200);
    assert_eq!(ada.get("/api/session").await.json()["loggedIn"], true);
}

#[tokio::test]
async fn logged_out_users_are_sent_to_the_login_page_and_back() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    for (path, back) in [("/notes", "%2Fnotes"), ("/notes?q=tea", "%2Fnotes%3Fq%3Dtea"), ("/account", "%2Faccount")] {
        let response = server.browser().get(path).await;
        assert_eq!(response.status, 302, "{path}");
        assert!(location(&response).starts_with(&format!("/login?return_to={back}")), "{}", location(&response));
    }
}

#[tokio::test]
async fn a_page_whose_token_the_api_rejects_redirects_to_the_login_page() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut ada = server.logged_in("ada@example.com").await;
    stub.memory().refresh_status = Some(StatusCode::UNAUTHORIZED);
    stub.forget_access_tokens();
    let response = ada.get("/notes").await;
    assert_eq!(response.status, 302, "{response:?}");
    assert!(location(&response).starts_with("/login?"), "{}", location(&response));
    assert!(ada.cookies.is_empty());
}

#[tokio::test]
async fn no_page_offers_a_signup_that_the_api_does_not_have() {
    let stub = Stub::start().await;
    let url = stub.url();
    let contract = "{preset=\"demo\", sign_up=false}";
    let without = Program::with(&[("VESTIBULE_API__URL", url.as_str()), ("VESTIBULE_API__CONTRACT", contract)]).await;
    let with = Program::start(&stub).await;
    for path in ["/", "/login", "/nowhere"] {
        assert!(with.browser().get(path).await.body.contains("/signup"), "{path}");
        assert!(!without.browser().get(path).await.body.contains("/signup"), "{path}");
    }
    assert_eq!(with.browser().get("/signup").await.status, 200);
    assert_eq!(without.browser().get("/signup").await.status, 404);
}

#[tokio::test]
async fn password_guessing_is_rate_limited() {
    let stub = Stub::start().await;
    let url = stub.url();
    let limits = [
        ("VESTIBULE_API__URL", url.as_str()),
        ("VESTIBULE_LOGIN__ATTEMPTS_PER_MINUTE_PER_ADDRESS", "5"),
        ("VESTIBULE_LOGIN__STRANGER_ATTEMPTS_PER_MINUTE_PER_ACCOUNT", "3"),
        ("VESTIBULE_PROXY__TRUSTED_PROXIES", "[\"127.0.0.1/32\"]"),
    ];
    let server = Program::with(&limits).await;
    let attempt = async |email: &str, password: &str, client: &str| {
        let mut browser = server.browser();
        let request = browser.request(Method::POST, "/api/login").header("x-forwarded-for", client);
        let fields = [("email", email), ("password", password), ("return_to", "/")];
        browser.send(request.form(&fields)).await
    };
    for _ in 0..3 {
        assert_eq!(attempt("ada@example.com", "guess", "192.0.2.1").await.status, 401);
    }
    let refused = attempt("ada@example.com", PASSWORD, "192.0.2.2").await;
    assert_eq!(refused.status, 429, "too many attempts at the account, from any address");
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() <= 21);
    assert!(refused.body.contains("Wait a minute"), "{refused:?}");
    for number in 0..2 {
        let response = attempt(&format!("user-{number}@example.com"), PASSWORD, "192.0.2.1").await;
        assert_eq!(response.status, 200);
    }
    assert_eq!(attempt("grace@example.com", PASSWORD, "192.0.2.1").await.status, 429, "the address is out of attempts");
    assert_eq!(attempt("grace@example.com", PASSWORD, "192.0.2.3").await.status, 200, "another address is not");
    assert_eq!(stub.tokens().len(), 6);
}

#[tokio::test]
async fn too_large_a_form_is_refused() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let email = "a".repeat(1_000_000);
    let fields = [("email", email.as_str()), ("password", PASSWORD), ("return_to", "/")];
    assert_eq!(server.browser().post_form("/api/login", &fields).await.status, 413);
    let odd = [("email", "ada\u{0}@example.com"), ("password", PASSWORD), ("return_to", "/")];
    assert_eq!(server.browser().post_form("/api/login", &odd).await.status, 422);
}
