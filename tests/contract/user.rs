//! The person, as a session knows them: never with a token.

use serde_json::{Value, json};
use vestibule::{api_client::diagnose, config::ApiConfig, contract::Contract, secret::Secret};

use crate::{
    api::{Api, Reply, jwt},
    door::{Door, EMAIL, START},
};

fn token() -> String {
    jwt(&json!({"sub": "1", "exp": START + 600}))
}

fn contract() -> Value {
    json!({"login": {"path": "/login"}, "tokens": {"access_token": "/user/token"}, "user": {"login": "/user"}})
}

fn person() -> Value {
    json!({"email": EMAIL, "token": token(), "deep": {"again": token(), "id": 1}})
}

#[tokio::test]
async fn no_token_gets_into_the_user() {
    let door = Door::open(contract()).await;
    door.api.on("POST /login", Reply::json(200, &json!({"user": person()})));
    let mut ada = door.logged_in().await;
    let clean = json!({"email": EMAIL, "deep": {"id": 1}});
    assert_eq!(ada.get("/who").await.json(), clean);
    assert_eq!(ada.get("/api/session").await.json()["user"], clean);
    let request = ada.request(reqwest::Method::POST, "/rename").json(&person());
    assert_eq!(ada.send(request).await.status, 204);
    assert_eq!(ada.get("/who").await.json(), clean);
}

#[tokio::test]
async fn nor_from_the_endpoint_that_says_who_somebody_is() {
    let door = Door::open(json!({
        "login": {"path": "/login"}, "tokens": {"access_token": "/user/token"},
        "user": {"path": "/user", "pointer": "/user"},
    }))
    .await;
    door.api.on("POST /login", Reply::json(200, &json!({"user": {"token": "opaque-access-token"}})));
    let user = json!({"email": EMAIL, "token": "another-opaque-one", "url": "/x?t=opaque-access-token"});
    door.api.on("GET /user", Reply::json(200, &json!({"user": user})));
    let mut ada = door.logged_in().await;
    assert_eq!(ada.get("/who").await.json(), json!({"email": EMAIL}));
}

#[tokio::test]
async fn the_check_says_what_was_left_out() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let api = Api::start().await;
    api.on("POST /login", Reply::json(200, &json!({"user": person()})));
    let config = ApiConfig {
        url: Some(api.url().parse().unwrap()),
        contract: Contract::try_from(contract()).unwrap(),
        ..ApiConfig::default()
    };
    let report = diagnose(&config, EMAIL, &Secret::new("open sesame"), START).await.unwrap();
    let text = report.lines.join("\n");
    assert!(text.contains("left   `/token` out of the user: it holds a token"), "{text}");
    assert!(text.contains("left   `/deep/again` out of the user"), "{text}");
    assert!(text.contains(r#"better [api.contract.user] keep = ["deep", "email"]"#), "{text}");
    assert!(report.faults.is_empty() && !text.contains("eyJ"), "{text}");
}

#[tokio::test]
async fn a_handler_gets_the_user_as_its_own_type() {
    let door = Door::open(contract()).await;
    door.api.on("POST /login", Reply::json(200, &json!({"user": person()})));
    let refused = door.browser().get("/me").await;
    assert_eq!(
        (refused.status.as_u16(), &refused.headers["content-type"]),
        (401, &"application/problem+json".parse().unwrap())
    );
    let mut ada = door.logged_in().await;
    assert_eq!(ada.get("/me").await.body, EMAIL);
    let wrong = ada.get("/number").await;
    assert!(wrong.status == 500 && !wrong.body.contains(EMAIL), "{wrong:?}");
}
