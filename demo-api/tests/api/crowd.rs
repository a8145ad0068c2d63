//! Many people at once, each with what is theirs alone.

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    client::{Client, text},
    harness::TestApi,
};

const PEOPLE: usize = 200;
/// Sessions are shared among them: hashing 200 passwords twice would measure Argon2id.
const ACCOUNTS: usize = 8;

async fn use_the_api(client: Client, account: usize, person: usize) {
    let title = format!("account {account} person {person}");
    let note = client.write_note(&title, "").await;
    let path = format!("/notes/{}", text(&note["id"]));
    let changed = client.patch(&path, &json!({"body": "changed"})).await.expect(StatusCode::OK);
    assert_eq!(changed.json()["title"], title);
    let list = client.get("/notes?$limit=100").await.expect(StatusCode::OK).json();
    let own = format!("account {account} ");
    for note in list["data"].as_array().unwrap() {
        assert!(text(&note["title"]).starts_with(&own), "{note} is not of {own}");
    }
    client.delete(&path).await.expect(StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_people_at_once_each_see_their_own() {
    let api = TestApi::start().await;
    let accounts = join_all(
        (0..ACCOUNTS).map(async |account| api.person("Somebody", &format!("person{account}@example.com")).await),
    )
    .await;
    let people = (0..PEOPLE).map(|person| {
        let account = person % ACCOUNTS;
        tokio::spawn(use_the_api(accounts[account].clone(), account, person))
    });
    for person in join_all(people.collect::<Vec<_>>()).await {
        person.unwrap();
    }
    for client in accounts {
        assert_eq!(client.get("/notes").await.json()["total"], 0);
    }
}
