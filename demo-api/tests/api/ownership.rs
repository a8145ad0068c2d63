//! Another person's things are not there; nobody's are for those who have not logged in.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    client::{send, text},
    harness::TestApi,
};

#[tokio::test]
async fn another_persons_things_are_not_there() {
    let api = TestApi::start().await;
    let (ada, grace) = (api.ada().await, api.grace().await);
    let note = format!("/notes/{}", text(&ada.write_note("Secret", "plan").await["id"]));
    let files = format!("{note}/attachments");
    let upload = ada.request(Method::POST, &format!("{files}?name=plan.txt")).body("bytes");
    let uploaded = send(upload).await.expect(StatusCode::CREATED).json();
    let file = format!("{files}/{}", text(&uploaded["id"]));
    let session = text(&ada.get("/auth/sessions").await.json()[0]["id"]);

    for path in [&note, &files, &file] {
        grace.get(path).await.expect_problem(StatusCode::NOT_FOUND);
    }
    for path in [&note, &file, &format!("/auth/sessions/{session}")] {
        grace.delete(path).await.expect_problem(StatusCode::NOT_FOUND);
    }
    grace.patch(&note, &json!({"title": "Mine"})).await.expect_problem(StatusCode::NOT_FOUND);
    let upload = grace.request(Method::POST, &format!("{files}?name=x")).body("x");
    send(upload).await.expect_problem(StatusCode::NOT_FOUND);
    assert_eq!(grace.get("/notes?q=secret").await.json()["total"], 0);
    // A file of hers through a note of her own, too.
    let own = format!("/notes/{}", text(&grace.write_note("Own", "").await["id"]));
    let crossed = format!("{own}/attachments/{}", text(&uploaded["id"]));
    grace.get(&crossed).await.expect_problem(StatusCode::NOT_FOUND);

    assert_eq!(ada.get(&note).await.json()["title"], "Secret");
    assert_eq!(ada.get(&file).await.expect(StatusCode::OK).body, "bytes");
}

#[tokio::test]
async fn whoever_has_not_logged_in_learns_nothing() {
    let api = TestApi::start().await;
    let ada = api.ada().await;
    let note = text(&ada.write_note("Secret", "").await["id"]);
    let nobody = api.anonymous();
    for path in [
        "/auth/me",
        "/auth/sessions",
        "/notes",
        &format!("/notes/{note}"),
        "/notes/none",
        &format!("/notes/{note}/attachments"),
        &format!("/notes/{note}/attachments/none"),
        "/events",
        "/live",
    ] {
        nobody.get(path).await.expect_problem(StatusCode::UNAUTHORIZED);
    }
    for path in [format!("/notes/{note}"), "/auth/sessions".to_owned()] {
        nobody.delete(&path).await.expect_problem(StatusCode::UNAUTHORIZED);
    }
    nobody.post("/notes", &json!({"title": "x"})).await.expect_problem(StatusCode::UNAUTHORIZED);
}
