//! Vulnerabilities that other session proxies published in 2026, tried here.
//!
//! | published for | vulnerability | test |
//! | --- | --- | --- |
//! | Duende BFF, GHSA-vvg7-p7jw-8qr3 | the session cookie was forwarded to the API | `reads_the_session_cookie_at_the_api` |
//! | Duende BFF, GHSA-4j63-5v5f-xcc4 | the anti-forgery check was missing on some routes | `forges_a_request_on_a_route_without_the_check` |
//! | oauth2-proxy 7.15.2 | a health checker's `User-Agent` passed without a session | `passes_for_a_health_checker` |
//! | oauth2-proxy 7.15.2 | `X-Forwarded-Uri` decided which rules hold | `names_another_path_in_a_header` |
//! | oauth2-proxy 7.15.2 | a planted session was used after the login | `plants_a_session_before_the_log_in` |

use reqwest::{Method, StatusCode};

use crate::{
    program::Program,
    support::{
        browser::{Answer, Browser},
        stub::{PASSWORD, Stub},
    },
};

/// A server with two routes to the API: the main one, and one that sends no token.
async fn server(stub: &Stub) -> Program {
    let url = stub.url();
    let routes = format!("[[proxy.routes]]\nprefix = \"/files\"\nupstream = \"{url}/files\"\n");
    Program::configured(&routes, &[("VESTIBULE_API__URL", &url)]).await
}

#[tokio::test]
async fn reads_the_session_cookie_at_the_api() {
    let stub = Stub::start().await;
    let server = server(&stub).await;
    let mut ada = server.logged_in("ada@example.com").await;
    let cookies: Vec<String> = ada.cookies.values().cloned().collect();
    assert!(!cookies.is_empty());
    for (method, path) in [
        (Method::GET, "/api/proxy/notes"),
        (Method::POST, "/api/proxy/notes"),
        (Method::GET, "/api/proxy/files/a"),
        (Method::PUT, "/api/proxy/files/a"),
    ] {
        // The session cookie's value, also under a name that the API may use itself.
        let again = format!("sid={}", cookies[0]);
        let request = ada.request(method, path).header("cookie", again);
        ada.send(request).await;
    }
    // A page that the server renders calls the API with another client.
    ada.get("/notes").await;
    let seen = stub.memory().seen.clone();
    assert!(seen.len() >= 5, "{seen:?}");
    for call in seen {
        assert!(!call.headers.contains_key("cookie"), "{call:?}");
        let text = format!("{call:?}");
        assert!(cookies.iter().all(|cookie| !text.contains(cookie.as_str())), "{text}");
    }
}

#[tokio::test]
async fn forges_a_request_on_a_route_without_the_check() {
    let stub = Stub::start().await;
    let server = server(&stub).await;
    let ada = server.logged_in("ada@example.com").await;
    let before = stub.memory().seen.len();
    for path in [
        "/api/proxy/notes",
        "/api/proxy/files/a",
        "/api/proxy/auth/login",
        "/api/proxy",
        "/api/proxy/",
        "/API/PROXY/notes",
        "/api/session",
        "/api/login",
        "/api/logout",
        "/api/signup",
        "/api/form/attachments/upload",
        "/login",
    ] {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            for (name, value) in [
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
                ("origin", "https://evil.example"),
                ("origin", "null"),
            ] {
                let response = forged(&server, &ada, method.clone(), path, name, value).await;
                assert_eq!(response, StatusCode::FORBIDDEN, "{method} {path} {name}: {value}");
            }
        }
    }
    assert_eq!(stub.memory().seen.len(), before, "a forged request reached the API");
    assert_eq!(stub.memory().logouts, 0);
}

/// The status of a request that another site makes with the browser's cookies.
async fn forged(
    server: &Program,
    browser: &Browser,
    method: Method,
    path: &str,
    name: &'static str,
    value: &'static str,
) -> StatusCode {
    let cookies: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = reqwest::Client::new().request(method, format!("{}{path}", server.origin));
    let request = request.header("cookie", cookies.join("; ")).header(name, value);
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn passes_for_a_health_checker() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    for agent in ["GoogleHC/1.0", "kube-probe/1.31", "ELB-HealthChecker/2.0", "oauth2-proxy", "curl/8"] {
        let mut checker = server.browser();
        let request = checker.request(Method::GET, "/api/proxy/notes").header("user-agent", agent);
        assert_eq!(checker.send(request).await.status, StatusCode::UNAUTHORIZED, "{agent}");
        assert!(!stub.memory().seen.pop().unwrap().headers.contains_key("authorization"), "{agent}");
        let request = checker.request(Method::GET, "/api/session").header("user-agent", agent);
        assert_eq!(checker.send(request).await.json()["loggedIn"], false, "{agent}");
        let request = checker.request(Method::GET, "/notes").header("user-agent", agent);
        assert_eq!(checker.send(request).await.headers["location"], "/login?return_to=%2Fnotes", "{agent}");
    }
}

#[tokio::test]
async fn names_another_path_in_a_header() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    for name in [
        "x-forwarded-uri",
        "x-original-url",
        "x-original-uri",
        "x-rewrite-url",
        "x-forwarded-path",
        "x-forwarded-prefix",
    ] {
        let mut mallory = server.browser();
        let private = mallory.request(Method::GET, "/notes").header(name, "/healthz");
        assert_eq!(mallory.send(private).await.status, StatusCode::FOUND, "{name}: a page that requires a login");
        let credentials = serde_json::json!({"email": "ada@example.com", "password": PASSWORD});
        let issuing = mallory.request(Method::POST, "/api/proxy/auth/login").header(name, "/notes").json(&credentials);
        let response: Answer = mallory.send(issuing).await;
        assert!(stub.tokens().iter().all(|token| !format!("{response:?}").contains(token)), "{name}: {response:?}");
        let call = mallory.request(Method::GET, "/api/proxy/notes").header(name, "/auth/login");
        mallory.send(call).await;
        let seen = stub.memory().seen.pop().unwrap();
        assert_eq!(seen.target, "/notes", "{name}");
        assert!(!seen.headers.contains_key(name), "{name} reaches the API");
    }
}

#[tokio::test]
async fn plants_a_session_before_the_log_in() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    // The attacker's session, planted in the victim's browser before the login.
    let mut mallory = server.logged_in("mallory@example.com").await;
    let mut ada = server.browser();
    ada.cookies.clone_from(&mallory.cookies);
    let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("return_to", "/")];
    assert_eq!(ada.post_form("/api/login", &fields).await.status, StatusCode::OK);
    assert_ne!(ada.cookies, mallory.cookies);
    assert_eq!(ada.get("/api/proxy/notes").await.json()["email"], "ada@example.com");
    let seen = mallory.get("/api/proxy/notes").await;
    assert!(!seen.body.contains("ada@example.com"), "{seen:?}");
    assert_ne!(mallory.get("/api/session").await.json()["user"]["email"], "ada@example.com");
}
