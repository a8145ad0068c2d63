//! `/auth/sessions`

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    client::{Client, text},
    harness::TestApi,
};

async fn sessions(client: &Client) -> Vec<Value> {
    let answer = client.get("/auth/sessions").await.expect(StatusCode::OK);
    answer.json().as_array().unwrap().clone()
}

#[tokio::test]
async fn the_list_tells_which_one_asks_and_where_each_was_begun() {
    let api = TestApi::start().await;
    api.anonymous().sign_up("Ada", "ada@example.com").await;
    let laptop = api.anonymous().log_in_with("ada@example.com", "Laptop/1").await;
    api.pass(Duration::from_mins(5));
    let phone = api.anonymous().log_in_with("ada@example.com", &"Phone".repeat(100)).await;
    api.grace().await;
    let listed = sessions(&phone).await;
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!(listed[0]["user_agent"].as_str().unwrap().len(), 256);
    assert_eq!(listed[0]["current"], true);
    assert_eq!(listed[1]["user_agent"], "Laptop/1");
    assert_eq!(listed[1]["current"], false);
    assert_eq!(listed[1]["created_at"], "2030-03-17T17:46:40Z");
    assert_eq!(listed[1]["last_seen_at"], "2030-03-17T17:46:40Z");
    laptop.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(sessions(&laptop).await[0]["last_seen_at"], "2030-03-17T17:51:40Z");
}

#[tokio::test]
async fn one_session_can_end_another() {
    let api = TestApi::start().await;
    let laptop = api.ada().await;
    let phone = laptop.log_in("ada@example.com").await;
    let listed = sessions(&laptop).await;
    let other = listed.iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/auth/sessions/{}", text(&other["id"]));
    laptop.delete(&path).await.expect(StatusCode::NO_CONTENT);
    phone.get("/auth/me").await.expect_problem(StatusCode::UNAUTHORIZED);
    phone.refresh().await.expect_problem(StatusCode::UNAUTHORIZED);
    laptop.delete(&path).await.expect_problem(StatusCode::NOT_FOUND);
    assert_eq!(sessions(&laptop).await.len(), 1);
}

#[tokio::test]
async fn all_others_can_be_ended_at_once() {
    let api = TestApi::start().await;
    let laptop = api.ada().await;
    let grace = api.grace().await;
    let phone = laptop.log_in("ada@example.com").await;
    let tablet = laptop.log_in("ada@example.com").await;
    laptop.delete("/auth/sessions").await.expect(StatusCode::NO_CONTENT);
    for ended in [phone, tablet] {
        ended.get("/auth/me").await.expect_problem(StatusCode::UNAUTHORIZED);
    }
    laptop.get("/auth/me").await.expect(StatusCode::OK);
    grace.get("/auth/me").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn expired_sessions_are_not_listed() {
    let api = TestApi::start().await;
    let old = api.ada().await;
    api.pass(Duration::from_hours(31 * 24));
    let new = old.log_in("ada@example.com").await;
    assert_eq!(sessions(&new).await.len(), 1);
}
