//! The people that a first start makes.

use std::collections::HashSet;

use demo_api::{SEED_PASSWORD, SEED_PEOPLE};
use reqwest::StatusCode;
use serde_json::json;

use crate::{client::text, harness::TestApi};

#[tokio::test]
async fn each_can_log_in_and_has_notes_of_her_own() {
    let api = TestApi::start_with(|_| {}).await;
    assert!(api.api.seeded());
    let mut titles = HashSet::new();
    for person in SEED_PEOPLE {
        let body = json!({"email": person.email, "password": SEED_PASSWORD});
        let tokens = api.anonymous().post("/auth/login", &body).await.expect(StatusCode::OK).json();
        assert_eq!(tokens["user"]["name"], person.name);
        let notes = api.anonymous().with_tokens(&tokens).get("/notes").await.json();
        let own: Vec<_> = notes["data"].as_array().unwrap().iter().map(|note| text(&note["title"])).collect();
        assert_eq!(own, person.notes.iter().map(|(title, _)| *title).collect::<Vec<_>>());
        titles.extend(own);
    }
    assert_eq!(titles.len(), 6);
}

#[tokio::test]
async fn only_the_first_start_makes_them() {
    let api = TestApi::start_with(|_| {}).await;
    let folder = api.stop().await;
    let again = demo_api::open(demo_api::Settings::new(&folder.0)).await.unwrap();
    assert!(!again.seeded());
}

#[tokio::test]
async fn none_are_made_when_there_shall_be_none() {
    let api = TestApi::start().await;
    assert!(!api.api.seeded());
    let body = json!({"email": SEED_PEOPLE[0].email, "password": SEED_PASSWORD});
    let answer = api.anonymous().post("/auth/login", &body).await;
    answer.expect_problem(StatusCode::UNAUTHORIZED);
}
