//! `POST /users`

use reqwest::StatusCode;
use serde_json::json;

use crate::harness::TestApi;

#[tokio::test]
async fn signing_up_answers_the_person_and_no_password() {
    let api = TestApi::start().await;
    let body = json!({"email": " Ada@Example.COM ", "password": "correct horse", "name": " Ada "});
    let answer = api.anonymous().post("/users", &body).await.expect(StatusCode::CREATED);
    let person = answer.json();
    assert_eq!(person["email"], "ada@example.com");
    assert_eq!(person["name"], "Ada");
    assert_eq!(person.as_object().unwrap().len(), 3, "{person}");
}

#[tokio::test]
async fn an_address_has_one_account_however_it_is_typed() {
    let api = TestApi::start().await;
    let client = api.anonymous();
    client.sign_up("Ada", "ada@example.com").await;
    let body = json!({"email": "ADA@example.com", "password": "another one", "name": "Eve"});
    let problem = client.post("/users", &body).await.expect_invalid(&["email"]);
    let message = "There is an account with this e-mail address; log in instead.";
    assert_eq!(problem["errors"]["email"], message);
}

#[tokio::test]
async fn two_sign_ups_at_once_make_one_account() {
    let api = TestApi::start().await;
    let client = api.anonymous();
    let body = json!({"email": "ada@example.com", "password": "correct horse", "name": "Ada"});
    let answers = futures_util::future::join_all((0..8).map(|_| client.post("/users", &body))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 7, "{statuses:?}");
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let api = TestApi::start().await;
    let client = api.anonymous();
    let problem = client.post("/users", &json!({})).await.expect_invalid(&["email", "name", "password"]);
    assert_eq!(problem["errors"]["name"], "Enter a name.");
    let body = json!({"email": "ada", "password": "short", "name": "A\u{7}"});
    let problem = client.post("/users", &body).await.expect_invalid(&["email", "name", "password"]);
    assert_eq!(problem["errors"]["email"], "Enter an e-mail address like name@example.com.");
    assert_eq!(problem["errors"]["password"], "Enter a password of at least 8 characters.");
}
