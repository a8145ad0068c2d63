//! Request heads of all sizes, in both HTTP versions.

use axum::http::StatusCode;
use reqwest::Method;
use serde_json::json;

use super::socket::{get, http2};
use crate::{
    program::Program,
    support::{
        browser::Browser,
        stub::{PASSWORD, Stub},
    },
};

/// The status of a GET over HTTP/1.1 and over HTTP/2, with one additional header.
async fn both(server: &Program, path: &str, name: &str, value: &str) -> [u16; 2] {
    let request = Browser::new(&server.origin).request(Method::GET, path).header(name, value);
    let one = request.send().await.unwrap().status().as_u16();
    let mut client = http2(server, 65_535).await;
    let mut request = get(server, path);
    request.headers_mut().insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    let (response, _) = client.send_request(request, true).unwrap();
    [one, response.await.unwrap().status().as_u16()]
}

/// Letters and digits that do not compress well.
fn incompressible(length: usize) -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[(state >> 58) as usize])
    };
    (0..length).map(|_| next()).collect()
}

/// A session that fills all of its cookies works.
#[tokio::test]
async fn the_largest_session_works_in_both_versions() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut ada = server.browser();
    // Increases the size until the session has five cookies and the last one is almost full.
    for length in (15_000..).step_by(250) {
        ada.cookies.clear();
        let user = json!({"id": 1, "email": "a@b.c", "note": incompressible(length)});
        let response = json!({"access_token": "access", "token_type": "Bearer", "user": user});
        stub.memory().login_answer = Some((StatusCode::OK, "application/json".into(), response.to_string()));
        let email = format!("{length}@example.com");
        let fields = [("email", email.as_str()), ("password", PASSWORD), ("return_to", "/")];
        let response = ada.post_form("/api/login", &fields).await;
        assert_eq!(response.status, StatusCode::OK, "{length}");
        if ada.cookies.values().map(String::len).sum::<usize>() > 19_900 {
            break;
        }
    }
    assert_eq!(ada.cookies.len(), 5);
    let cookies: Vec<_> = ada.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    for path in ["/api/session", "/"] {
        assert_eq!(both(&server, path, "cookie", &cookies.join("; ")).await, [200, 200], "{path}");
    }
    assert_eq!(ada.get("/api/session").await.json()["loggedIn"], true);
}

#[tokio::test]
async fn sends_a_head_without_an_end() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let of = |length: usize| "x".repeat(length);
    assert_eq!(both(&server, "/api/proxy/notes", "x-large", &of(63 << 10)).await, [401, 401]);
    assert_eq!(both(&server, "/healthz", "x-large", &of(63 << 10)).await, [200, 200]);
    assert_eq!(both(&server, "/api/proxy/notes", "x-large", &of(65 << 10)).await, [431, 431]);
    assert_eq!(both(&server, "/healthz", "x-large", &of(90 << 10)).await[1], 431);
    // HTTP/1.1 is read in chunks, so the head may exceed the limit by up to a chunk.
    let request = server.browser().request(Method::GET, "/healthz").header("x-large", of(256 << 10));
    assert_eq!(request.send().await.unwrap().status(), 431);
}

/// A request that is rejected before the proxy has its id in the log.
#[tokio::test]
async fn probes_the_proxy_from_another_site_without_a_trace() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let request = server.browser().request(Method::GET, "/api/proxy/notes").header("sec-fetch-site", "cross-site");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 403);
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert!(server.logged(&id).await.contains("cross-site"));
}
