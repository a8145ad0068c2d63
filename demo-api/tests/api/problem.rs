//! Every failure is a problem, those of the framework too.

use reqwest::{Method, StatusCode};

use crate::{client::send, harness::TestApi};

#[tokio::test]
async fn an_unknown_path_is_404() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    for path in ["/", "/nothing", "/notes/", "/notes/none", "/notes/%FF", "/notes/x/y", "//notes"] {
        ada.get(path).await.expect_problem(StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn an_unknown_method_is_405_and_the_known_ones_are_named() {
    let api = TestApi::start().await;
    let answer = send(api.anonymous().request(Method::PUT, "/notes")).await;
    let mut allowed: Vec<_> = answer.header("allow").split(',').map(str::to_owned).collect();
    allowed.sort();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    answer.expect_problem(StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let api = TestApi::start().await;
    let post = |content_type: &'static str, body: String| {
        let request = api.anonymous().request(Method::POST, "/auth/login");
        send(request.header("content-type", content_type).body(body))
    };
    for (content_type, body, status) in [
        ("application/json", "{", StatusCode::BAD_REQUEST),
        ("application/json", "", StatusCode::BAD_REQUEST),
        ("application/json", "[]", StatusCode::BAD_REQUEST),
        ("application/json", "null", StatusCode::BAD_REQUEST),
        ("application/json", "{\"email\":\"\u{0}\"}", StatusCode::BAD_REQUEST),
        ("text/plain", "{}", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/x-www-form-urlencoded", "email=a", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        post(content_type, body.to_owned()).await.expect_problem(status);
    }
    let deep = "[".repeat(100_000);
    post("application/json", deep).await.expect_problem(StatusCode::BAD_REQUEST);
    let large = format!("\"{}\"", "x".repeat(2 << 20));
    post("application/json", large).await.expect_problem(StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_plain_request_to_the_websocket_is_told_to_upgrade() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let answer = ada.get("/live").await;
    assert_eq!(answer.header("upgrade"), "websocket");
    answer.expect_problem(StatusCode::UPGRADE_REQUIRED);
}
