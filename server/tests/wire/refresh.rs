//! An expired token is refreshed by whichever request comes first: a page, a form or a proxied call.

use std::time::Duration;

use reqwest::Method;

use crate::{
    program::Program,
    support::{
        browser::{Answer, Browser},
        stub::Stub,
    },
};

/// A user whose token has just expired; tokens last longer from the next refresh on.
async fn with_expired_token(stub: &Stub, server: &Program) -> Browser {
    stub.memory().expires_in = Some(1);
    let ada = server.logged_in("ada@example.com").await;
    stub.memory().expires_in = Some(900);
    stub.forget_access_tokens();
    // The program's clock is the machine's.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    ada
}

/// Asserts that the response sets the refreshed session, which is used from then on.
async fn assert_refreshed(stub: &Stub, ada: &mut Browser, response: &Answer, before: usize) {
    assert_eq!(response.set_cookies().len(), 1, "{response:?}");
    assert_eq!(stub.memory().refreshes, before + 1);
    assert_eq!(ada.get("/api/proxy/notes").await.json()["email"], "ada@example.com");
    assert_eq!(stub.memory().refreshes, before + 1);
}

#[tokio::test]
async fn a_page_a_form_and_the_proxy_refresh_alike() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    for (before, path) in ["/", "/account", "/api/proxy/notes"].into_iter().enumerate() {
        let mut ada = with_expired_token(&stub, &server).await;
        let response = ada.get(path).await;
        assert_eq!(response.status, 200, "{path}: {response:?}");
        assert!(response.body.contains("ada"), "{path} knows who is logged in: {response:?}");
        if !path.starts_with("/api") {
            assert!(!response.headers.contains_key("content-length"), "{path} is streamed");
        }
        assert_refreshed(&stub, &mut ada, &response, before).await;
    }
    let mut ada = with_expired_token(&stub, &server).await;
    let fields = [("title", "Tea"), ("body", "")];
    let form = ada.request(Method::POST, "/api/form/notes/create").header("accept", "text/html").form(&fields);
    let response = ada.send(form).await;
    assert!(stub.memory().seen.iter().any(|seen| seen.method == Method::POST), "{response:?}");
    assert_refreshed(&stub, &mut ada, &response, 3).await;
}
