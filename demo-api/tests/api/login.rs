//! `POST /auth/login`, `/auth/refresh`, `/auth/logout`

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    client::{send, text},
    harness::TestApi,
};

#[tokio::test]
async fn the_right_password_gives_tokens() {
    let api = TestApi::start().await;
    api.anonymous().sign_up("Ada", "ada@example.com").await;
    let body = json!({"email": "Ada@Example.com", "password": "correct horse"});
    let answer = api.anonymous().post("/auth/login", &body).await.expect(StatusCode::OK);
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 900);
    assert_eq!(tokens["user"]["email"], "ada@example.com");
    assert_eq!(tokens["user"]["name"], "Ada");
    assert_eq!(text(&tokens["access_token"]).split('.').count(), 3);
    assert_eq!(text(&tokens["refresh_token"]).len(), 43);
    let me = api.anonymous().with_tokens(&tokens).get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(me.json(), tokens["user"]);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_the_same() {
    let api = TestApi::start().await;
    let client = api.anonymous();
    client.sign_up("Ada", "ada@example.com").await;
    let mut problems = Vec::new();
    for email in ["ada@example.com", "nobody@example.com"] {
        let body = json!({"email": email, "password": "battery staple"});
        let answer = client.post("/auth/login", &body).await;
        problems.push(answer.expect_problem(StatusCode::UNAUTHORIZED));
    }
    assert_eq!(problems[0], problems[1]);
    assert_eq!(problems[0]["detail"], "The e-mail address or the password is wrong.");
}

#[tokio::test]
async fn a_log_in_without_its_fields_names_them() {
    let api = TestApi::start().await;
    let client = api.anonymous();
    client.post("/auth/login", &json!({})).await.expect_invalid(&["email", "password"]);
    client.post("/auth/refresh", &json!({})).await.expect_invalid(&["refresh_token"]);
}

#[tokio::test]
async fn an_access_token_ends_with_its_lifetime() {
    let api = TestApi::start_with(|settings| {
        settings.seed = false;
        settings.access_token_lifetime = Duration::from_secs(1);
    })
    .await;
    let ada = api.ada().await;
    ada.get("/auth/me").await.expect(StatusCode::OK);
    api.pass(Duration::from_secs(1));
    let problem = ada.get("/auth/me").await.expect_problem(StatusCode::UNAUTHORIZED);
    assert_eq!(problem["detail"], "This access token has expired; refresh it.");
    let tokens = ada.refresh().await.expect(StatusCode::OK).json();
    ada.with_tokens(&tokens).get("/auth/me").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_refresh_rotates_both_tokens() {
    let api = TestApi::start().await;
    let before = api.ada().await;
    let answer = before.refresh().await.expect(StatusCode::OK);
    assert_eq!(answer.header("cache-control"), "no-store");
    let after = before.with_tokens(&answer.json());
    assert_ne!(after.access_token, before.access_token);
    assert_ne!(after.refresh_token, before.refresh_token);
    // It still is the same session.
    let sessions = after.get("/auth/sessions").await.json();
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    after.refresh().await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_whole_family() {
    let api = TestApi::start().await;
    let stolen = api.ada().await;
    let elsewhere = stolen.log_in("ada@example.com").await;
    let thief = stolen.with_tokens(&stolen.refresh().await.json());
    stolen.refresh().await.expect_problem(StatusCode::UNAUTHORIZED);
    thief.get("/auth/me").await.expect_problem(StatusCode::UNAUTHORIZED);
    thief.refresh().await.expect_problem(StatusCode::UNAUTHORIZED);
    // Another session of hers has nothing to do with it.
    elsewhere.get("/auth/me").await.expect(StatusCode::OK);
    elsewhere.refresh().await.expect(StatusCode::OK);
}

#[tokio::test]
async fn of_many_refreshes_at_once_one_succeeds() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let answers = futures_util::future::join_all((0..8).map(|_| ada.refresh())).await;
    let successes = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(successes, 1);
    ada.get("/auth/me").await.expect_problem(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_refresh_token_ends_with_its_lifetime_and_each_refresh_prolongs_it() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    api.pass(Duration::from_hours(29 * 24));
    let ada = ada.with_tokens(&ada.refresh().await.expect(StatusCode::OK).json());
    api.pass(Duration::from_hours(29 * 24));
    let ada = ada.with_tokens(&ada.refresh().await.expect(StatusCode::OK).json());
    api.pass(Duration::from_hours(30 * 24));
    ada.refresh().await.expect_problem(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn logging_out_ends_both_tokens() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let elsewhere = ada.log_in("ada@example.com").await;
    send(ada.request(Method::POST, "/auth/logout")).await.expect(StatusCode::NO_CONTENT);
    let problem = ada.get("/auth/me").await.expect_problem(StatusCode::UNAUTHORIZED);
    assert_eq!(problem["detail"], "This session has ended; log in again.");
    ada.refresh().await.expect_problem(StatusCode::UNAUTHORIZED);
    send(ada.request(Method::POST, "/auth/logout")).await.expect_problem(StatusCode::UNAUTHORIZED);
    elsewhere.get("/auth/me").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn only_one_well_formed_bearer_token_logs_in() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let token = ada.access_token.clone().unwrap();
    let with = |value: String| send(api.anonymous().request(Method::GET, "/auth/me").header("authorization", value));
    with(format!("bearer {token}")).await.expect(StatusCode::OK);
    for value in [
        token.clone(),
        format!("Basic {token}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer nonsense".to_owned(),
        format!("Bearer {token}x"),
    ] {
        with(value).await.expect_problem(StatusCode::UNAUTHORIZED);
    }
    let twice = ada.request(Method::GET, "/auth/me").header("authorization", "Bearer other");
    send(twice).await.expect_problem(StatusCode::BAD_REQUEST);
}
