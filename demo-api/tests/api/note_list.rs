//! `GET /notes`

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    client::{Client, send, text},
    harness::TestApi,
};

fn titles(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|note| text(&note["title"])).collect()
}

async fn search(client: &Client, q: &str) -> Vec<String> {
    let request = client.request(Method::GET, "/notes").query(&[("q", q)]);
    let list = send(request).await.expect(StatusCode::OK).json();
    assert_eq!(list["total"], list["data"].as_array().unwrap().len(), "{list}");
    titles(&list)
}

#[tokio::test]
async fn pages_go_from_the_latest_change_back() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let empty = ada.get("/notes").await.expect(StatusCode::OK).json();
    assert_eq!(empty, json!({"total": 0, "limit": 10, "skip": 0, "data": []}));
    let oldest = ada.write_note("12", "").await;
    for number in (1..=11).rev() {
        api.pass(Duration::from_secs(1));
        ada.write_note(&number.to_string(), "").await;
    }
    let first = ada.get("/notes").await.json();
    assert_eq!((&first["total"], &first["limit"], &first["skip"]), (&json!(12), &json!(10), &json!(0)));
    let expected: Vec<_> = (1..=10).map(|number| number.to_string()).collect();
    assert_eq!(titles(&first), expected);
    let second = ada.get("/notes?$limit=5&$skip=10").await.json();
    assert_eq!((&second["total"], &second["limit"], &second["skip"]), (&json!(12), &json!(5), &json!(10)));
    assert_eq!(titles(&second), ["11", "12"]);
    assert_eq!(titles(&ada.get("/notes?%24limit=2").await.json()), ["1", "2"]);
    assert_eq!(ada.get("/notes?$skip=99").await.json()["total"], 12);
    assert!(titles(&ada.get("/notes?$limit=0").await.json()).is_empty());
    api.pass(Duration::from_secs(1));
    let path = format!("/notes/{}", text(&oldest["id"]));
    ada.patch(&path, &json!({"body": "changed"})).await.expect(StatusCode::OK);
    assert_eq!(titles(&ada.get("/notes?$limit=2").await.json()), ["12", "1"]);
}

#[tokio::test]
async fn notes_written_in_the_same_moment_keep_their_order() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    for title in ["a", "b", "c"] {
        ada.write_note(title, "").await;
    }
    assert_eq!(titles(&ada.get("/notes").await.json()), ["c", "b", "a"]);
}

#[tokio::test]
async fn a_search_looks_through_title_and_body_in_upper_and_lower_case() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    ada.write_note("Shopping", "Milk, ÉCLAIRS and 100% juice").await;
    ada.write_note("MILKING", "under_score").await;
    ada.write_note("Other", "a\\b").await;
    assert_eq!(search(&ada, "milk").await, ["MILKING", "Shopping"]);
    assert_eq!(search(&ada, " Milk ").await, ["MILKING", "Shopping"]);
    assert_eq!(search(&ada, "éclair").await, ["Shopping"]);
    assert_eq!(search(&ada, "").await.len(), 3);
    assert!(search(&ada, "tea").await.is_empty());
    // What is a wildcard or a quote to SQL is plain text here.
    assert_eq!(search(&ada, "%").await, ["Shopping"]);
    assert_eq!(search(&ada, "_").await, ["MILKING"]);
    assert_eq!(search(&ada, "\\").await, ["Other"]);
    assert!(search(&ada, "' OR 1=1 --").await.is_empty());
}

#[tokio::test]
async fn a_changed_note_is_found_by_its_new_text_alone() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let note = ada.write_note("Before", "").await;
    let path = format!("/notes/{}", text(&note["id"]));
    ada.patch(&path, &json!({"title": "After"})).await.expect(StatusCode::OK);
    assert!(search(&ada, "before").await.is_empty());
    assert_eq!(search(&ada, "after").await, ["After"]);
}

#[tokio::test]
async fn nonsense_is_refused() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    for query in ["$limit=-1", "$limit=101", "$limit=x", "$limit=", "$skip=-1", "$skip=1.5", "q=a&q=b"] {
        ada.get(&format!("/notes?{query}")).await.expect_problem(StatusCode::BAD_REQUEST);
    }
    let long = format!("/notes?q={}", "x".repeat(201));
    ada.get(&long).await.expect_problem(StatusCode::BAD_REQUEST);
}
