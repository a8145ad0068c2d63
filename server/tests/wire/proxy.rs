//! The proxy as the program mounts it. The library's tests cover the proxy itself.

use axum::http::StatusCode;
use reqwest::Method;

use crate::{
    program::Program,
    support::{
        browser::Browser,
        stub::{PASSWORD, Stub},
    },
};

#[tokio::test]
async fn forwards_every_method_with_only_the_session_token() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut ada = server.logged_in("ada@example.com").await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] {
        let request = ada
            .request(method.parse().unwrap(), "/api/proxy/a/b%20c/?q=%2F&q=2&flag")
            .header("authorization", "Bearer of-the-client")
            .header("proxy-authorization", "Basic x")
            .body(if method == "GET" { "" } else { "hello" });
        let response = ada.send(request).await;
        assert_eq!(response.status, 200, "{method}: {response:?}");
        assert_eq!(response.json()["email"], "ada@example.com");
        let seen = stub.memory().seen.pop().unwrap();
        assert_eq!(seen.method.as_str(), method);
        assert_eq!(seen.target, "/a/b%20c/?q=%2F&q=2&flag");
        assert_eq!(seen.headers.get_all("authorization").iter().count(), 1);
        assert!(!seen.headers.contains_key("cookie") && !seen.headers.contains_key("proxy-authorization"));
        assert_eq!(seen.body.len(), if method == "GET" { 0 } else { 5 });
    }
}

#[tokio::test]
async fn without_a_session_no_token_reaches_the_api() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut anonymous = server.browser();
    let request = anonymous.request(Method::GET, "/api/proxy/notes").header("authorization", "Bearer mine");
    assert_eq!(anonymous.send(request).await.status, 401);
    assert!(!stub.memory().seen[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_401_ends_the_session_and_is_passed_on() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut ada = server.logged_in("ada@example.com").await;
    stub.memory().refresh_status = Some(StatusCode::UNAUTHORIZED);
    stub.forget_access_tokens();
    let response = ada.get("/api/proxy/notes").await;
    assert_eq!(response.status, 401);
    assert_eq!(response.json()["detail"], "who are you?");
    assert!(ada.cookies.is_empty());
    assert_eq!(ada.get("/api/session").await.json()["loggedIn"], false);
}

#[tokio::test]
async fn a_login_through_the_proxy_starts_a_session() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    for path in ["/api/proxy/auth/login", "/api/proxy/auth/login/", "/api/proxy/auth/%6Cogin"] {
        let mut ada: Browser = server.browser();
        let body = serde_json::json!({"email": "ada@example.com", "password": PASSWORD});
        let response = ada.send(ada.request(Method::POST, path).json(&body)).await;
        assert!(stub.tokens().iter().all(|token| !format!("{response:?}").contains(token)), "{path}");
        if response.status == StatusCode::OK {
            assert_eq!(ada.get("/api/session").await.json()["loggedIn"], true, "{path}");
        }
    }
    let refresh = server.browser();
    let request = refresh.request(Method::POST, "/api/proxy/auth/refresh").json(&serde_json::json!({}));
    assert_eq!(request.send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn an_unknown_endpoint_gets_problem_details() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let response = server.browser().get("/api/nothing").await;
    assert_eq!(response.status, 404);
    assert_eq!(response.headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn its_responses_get_the_servers_headers() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let ada = server.logged_in("ada@example.com").await;
    let cross_site = |request: reqwest::RequestBuilder| request.header("sec-fetch-site", "cross-site");
    let plain = reqwest::Client::new().get(format!("{}/api/proxy/notes", server.origin));
    for (request, status) in [
        (ada.request(Method::GET, "/api/proxy/notes"), 200),
        (ada.request(Method::HEAD, "/api/proxy/notes"), 200),
        (ada.request(Method::GET, "/api/proxy"), 200),
        (ada.request(Method::GET, "/api/proxy/"), 200),
        (ada.request(Method::GET, "/api/proxy?q=1"), 200),
        (ada.request(Method::GET, "/api/proxy/a%5Cb"), 400),
        (ada.request(Method::TRACE, "/api/proxy/notes"), 405),
        (cross_site(plain), 403),
    ] {
        let what = format!("{request:?}");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{what}");
        for name in ["x-request-id", "x-content-type-options", "cross-origin-resource-policy"] {
            assert_eq!(response.headers().get_all(name).iter().count(), 1, "{what} {name}");
        }
    }
    // Paths beside the prefix belong to the router.
    let beside = server.browser().get("/api/proxyx").await;
    assert_eq!(
        (beside.status, beside.json()["detail"].as_str()),
        (StatusCode::NOT_FOUND, Some("There is nothing at this address."))
    );
}

#[tokio::test]
async fn a_response_to_head_has_the_length_of_the_get_response() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let ada = server.logged_in("ada@example.com").await;
    let get = ada.request(Method::GET, "/api/proxy/notes").send().await.unwrap();
    let head = ada.request(Method::HEAD, "/api/proxy/notes").send().await.unwrap();
    let length: usize = head.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(head.bytes().await.unwrap().is_empty());
    // The stub echoes the method, which is one letter longer.
    assert_eq!(length, get.bytes().await.unwrap().len() + 1);
}
