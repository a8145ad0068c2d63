//! Fields of a log-in that no API could take: refused before anything is sent.

use serde_json::json;

use crate::{
    api::Reply,
    door::{Door, EMAIL, PASSWORD},
    journal::Journal,
};

#[tokio::test]
async fn a_megabyte_or_control_characters_never_reach_the_api() {
    let door = Door::open(json!("demo")).await;
    let (journal, guard) = Journal::open();
    let long = "x".repeat(1024 * 1024);
    for (email, password, field) in [
        (long.as_str(), PASSWORD, "email"),
        (EMAIL, long.as_str(), "password"),
        ("ada\r\nbcc: grace@example.com", PASSWORD, "email"),
        ("ada\0@example.com", PASSWORD, "email"),
        ("ada\u{1b}[2J@example.com", PASSWORD, "email"),
        ("  ", PASSWORD, "email"),
        (EMAIL, "", "password"),
    ] {
        let mut browser = door.browser();
        let request = browser.request(reqwest::Method::POST, "/login");
        let answer = browser.send(request.json(&json!({"email": email, "password": password}))).await;
        assert_eq!(answer.status, 422, "{field}");
        assert!(answer.json()["errors"][field].is_string(), "{}", answer.body);
        assert!(answer.set_cookies().is_empty() && answer.body.len() < 500);
    }
    drop(guard);
    assert!(door.api.memory().seen.is_empty());
    assert!(journal.text().len() < 10_000 && !journal.text().contains(PASSWORD));
}

#[tokio::test]
async fn the_same_through_the_proxy() {
    let door = Door::open(json!("demo")).await;
    let long = "x".repeat(1024 * 1024);
    for (email, status) in [(long.as_str(), 422), ("ada\n@example.com", 422)] {
        let mut browser = door.browser();
        let request = browser.request(reqwest::Method::POST, "/api/proxy/auth/login");
        let answer = browser.send(request.json(&json!({"email": email, "password": PASSWORD}))).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.set_cookies().is_empty());
    }
    assert!(door.api.memory().seen.is_empty());
}

#[tokio::test]
async fn what_is_strange_and_allowed_arrives_as_it_is() {
    let door = Door::open(json!("oauth2-password")).await;
    door.api.on("POST /token", Reply::json(200, &json!({"access_token": "t", "expires_in": 60})));
    door.api.on("GET /users/me", Reply::json(200, &json!({"email": EMAIL})));
    let password = "a&b=c%26+\u{e4} \"'\u{1f511}\t";
    let mut browser = door.browser();
    let request = browser.request(reqwest::Method::POST, "/login");
    let answer = browser.send(request.json(&json!({"email": "ada+x&y=z@example.com", "password": password}))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = door.api.seen("POST /token").remove(0);
    let fields: Vec<_> = url::form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect();
    assert!(fields.contains(&("username".into(), "ada+x&y=z@example.com".into())), "{fields:?}");
    assert!(fields.contains(&("password".into(), password.into())), "{fields:?}");
    assert_eq!(fields.len(), 3);
}
