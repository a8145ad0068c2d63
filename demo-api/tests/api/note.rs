//! `/notes/{id}` and `POST /notes`

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    client::{send, text},
    harness::TestApi,
};

#[tokio::test]
async fn a_note_can_be_written_read_changed_and_deleted() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let answer = ada.post("/notes", &json!({"title": " First ", "body": " text\n"})).await;
    let answer = answer.expect(StatusCode::CREATED);
    let note = answer.json();
    let path = format!("/notes/{}", text(&note["id"]));
    assert_eq!(answer.header("location"), path);
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(note["title"], "First");
    assert_eq!(note["body"], " text\n");
    assert_eq!(note["version"], 1);
    assert_eq!(note["created_at"], "2030-03-17T17:46:40Z");
    assert_eq!(note["updated_at"], note["created_at"]);
    let read = ada.get(&path).await.expect(StatusCode::OK);
    assert_eq!((read.header("etag"), read.json()), ("\"1\"", note.clone()));
    assert_eq!(read.header("cache-control"), "private, no-cache");

    api.pass(Duration::from_mins(1));
    let changed = ada.patch(&path, &json!({"body": "other"})).await.expect(StatusCode::OK);
    assert_eq!(changed.header("etag"), "\"2\"");
    let changed = changed.json();
    assert_eq!((&changed["title"], &changed["body"]), (&json!("First"), &json!("other")));
    assert_eq!(changed["version"], 2);
    assert_eq!(changed["created_at"], note["created_at"]);
    assert_eq!(changed["updated_at"], "2030-03-17T17:47:40Z");
    assert_eq!(ada.get(&path).await.json(), changed);

    ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
    ada.get(&path).await.expect_problem(StatusCode::NOT_FOUND);
    ada.delete(&path).await.expect_problem(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn fields_are_checked() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let write = async |body| ada.post("/notes", &body).await;
    write(json!({"body": "text"})).await.expect_invalid(&["title"]);
    write(json!({"title": "  "})).await.expect_invalid(&["title"]);
    write(json!({"title": "a\nb"})).await.expect_invalid(&["title"]);
    write(json!({"title": 1, "body": 2})).await.expect_invalid(&["body", "title"]);
    write(json!({"title": "é".repeat(201)})).await.expect_invalid(&["title"]);
    write(json!({"title": "a", "body": "é".repeat(20_001)})).await.expect_invalid(&["body"]);
    let longest = json!({"title": "é".repeat(200), "body": "é".repeat(20_000)});
    let note = write(longest).await.expect(StatusCode::CREATED).json();
    assert_eq!(write(json!({"title": "a"})).await.json()["body"], "");
    let path = format!("/notes/{}", text(&note["id"]));
    ada.patch(&path, &json!({"title": ""})).await.expect_invalid(&["title"]);
    assert_eq!(ada.get(&path).await.json()["version"], 1);
}

#[tokio::test]
async fn a_version_the_client_has_is_not_sent_again() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let note = ada.write_note("Title", "").await;
    let path = format!("/notes/{}", text(&note["id"]));
    let read = async |tag| send(ada.request(Method::GET, &path).header("if-none-match", tag)).await;
    let known = read("\"1\"").await.expect(StatusCode::NOT_MODIFIED);
    assert_eq!((known.header("etag"), known.body.len()), ("\"1\"", 0));
    ada.patch(&path, &json!({"title": "New"})).await.expect(StatusCode::OK);
    assert_eq!(read("\"1\"").await.expect(StatusCode::OK).json()["title"], "New");
}

#[tokio::test]
async fn a_lost_race_changes_nothing() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let note = ada.write_note("Title", "").await;
    let path = format!("/notes/{}", text(&note["id"]));
    let change = async |tag: &str, title: &str| {
        let request = ada.request(Method::PATCH, &path).header("if-match", tag);
        send(request.json(&json!({"title": title}))).await
    };
    change("\"1\"", "First").await.expect(StatusCode::OK);
    change("\"1\"", "Second").await.expect_problem(StatusCode::PRECONDITION_FAILED);
    change("W/\"2\"", "Second").await.expect_problem(StatusCode::PRECONDITION_FAILED);
    assert_eq!(ada.get(&path).await.json()["title"], "First");
    let delete = async |tag: &str| send(ada.request(Method::DELETE, &path).header("if-match", tag)).await;
    delete("\"1\"").await.expect_problem(StatusCode::PRECONDITION_FAILED);
    change("*", "Third").await.expect(StatusCode::OK);
    delete("\"3\"").await.expect(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn of_many_changes_to_one_version_one_wins() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let note = ada.write_note("Title", "").await;
    let path = format!("/notes/{}", text(&note["id"]));
    let changes = (0..16).map(|number| {
        let request = ada.request(Method::PATCH, &path).header("if-match", "\"1\"");
        send(request.json(&json!({"title": format!("{number}")})))
    });
    let answers = futures_util::future::join_all(changes).await;
    let won = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let lost = answers.iter().filter(|answer| answer.status == StatusCode::PRECONDITION_FAILED);
    assert_eq!((won, lost.count()), (1, 15));
}
