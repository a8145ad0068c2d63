//! `GET /openapi.json`

use reqwest::{Method, StatusCode};

use crate::{client::send, harness::TestApi};

#[tokio::test]
async fn everything_described_is_there() {
    let api = TestApi::start().await;
    let nobody = api.anonymous();
    let answer = nobody.get("/openapi.json").await.expect(StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    let mut called = 0;
    for (path, item) in answer.json()["paths"].as_object().unwrap() {
        let path = path.replace(['{', '}'], "");
        for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let method: Method = method.to_uppercase().parse().unwrap();
            let status = send(nobody.request(method.clone(), &path)).await.status;
            // Nobody is logged in, so that a 404 can only mean that there is no such route.
            assert_ne!(status, StatusCode::NOT_FOUND, "{method} {path}");
            assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            called += 1;
        }
    }
    assert_eq!(called, 21);
}
