//! `/auth/me`

use reqwest::StatusCode;
use serde_json::json;

use crate::harness::TestApi;

#[tokio::test]
async fn a_name_can_be_changed() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let answer = ada.patch("/auth/me", &json!({"name": "Ada Lovelace"})).await;
    assert_eq!(answer.expect(StatusCode::OK).json()["name"], "Ada Lovelace");
    let me = ada.get("/auth/me").await.json();
    assert_eq!((&me["name"], &me["email"]), (&json!("Ada Lovelace"), &json!("ada@example.com")));
    ada.patch("/auth/me", &json!({"name": " "})).await.expect_invalid(&["name"]);
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one_and_ends_other_sessions() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let elsewhere = ada.log_in("ada@example.com").await;
    let body = json!({"password": "battery staple", "current_password": "correct horse"});
    ada.patch("/auth/me", &body).await.expect(StatusCode::OK);
    ada.get("/auth/me").await.expect(StatusCode::OK);
    elsewhere.get("/auth/me").await.expect_problem(StatusCode::UNAUTHORIZED);
    for (password, status) in [("correct horse", 401), ("battery staple", 200)] {
        let body = json!({"email": "ada@example.com", "password": password});
        let answer = api.anonymous().post("/auth/login", &body).await;
        assert_eq!(answer.status.as_u16(), status, "with {password}");
    }
}

#[tokio::test]
async fn a_new_password_needs_the_current_one() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let change = async |body| ada.patch("/auth/me", &body).await;
    change(json!({"password": "battery staple"})).await.expect_invalid(&["current_password"]);
    change(json!({"password": "battery staple", "current_password": "wrong", "name": "Eve"}))
        .await
        .expect_invalid(&["current_password"]);
    change(json!({"password": "short", "current_password": "correct horse"})).await.expect_invalid(&["password"]);
    // Nothing of it has been done.
    assert_eq!(ada.get("/auth/me").await.json()["name"], "Ada");
    ada.log_in("ada@example.com").await;
}
