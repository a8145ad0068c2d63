//! Each preset's log-in and its credential, as they arrive at the API.

use serde_json::{Value, json};

use crate::{
    api::{Reply, jwt},
    door::{Door, EMAIL, PASSWORD, START, log_in_with},
};

/// Logs in, calls the API, and answers what it saw of both.
async fn use_it(contract: Value, login: &str, answer: Reply) -> (Door, crate::api::Seen, crate::api::Seen) {
    let door = Door::open(contract).await;
    door.api.on(login, answer).on("GET /notes", Reply::json(200, &json!([])));
    door.api.on("GET /users/me", Reply::json(200, &json!({"email": EMAIL, "full_name": "Ada"})));
    let mut ada = door.logged_in().await;
    assert_eq!(ada.get("/who").await.json()["email"], EMAIL);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    let (login, notes) = (door.api.seen(login).remove(0), door.api.seen("GET /notes").remove(0));
    (door, login, notes)
}

#[tokio::test]
async fn feathers() {
    let answer = json!({"accessToken": jwt(&json!({"exp": START + 60})), "user": {"email": EMAIL}});
    let (_door, login, notes) = use_it(json!("feathers"), "POST /authentication", Reply::json(201, &answer)).await;
    assert_eq!(login.json(), json!({"strategy": "local", "email": EMAIL, "password": PASSWORD}));
    assert_eq!(notes.header("authorization"), format!("Bearer {}", answer["accessToken"].as_str().unwrap()));
}

#[tokio::test]
async fn nestjs() {
    let token = jwt(&json!({"sub": 7, "email": EMAIL, "iat": START, "exp": START + 60}));
    let answer = Reply::json(201, &json!({"accessToken": token}));
    let (door, login, notes) = use_it(json!("nestjs"), "POST /api/login", answer).await;
    assert_eq!(login.json(), json!({"email": EMAIL, "password": PASSWORD}));
    assert_eq!(notes.header("cookie"), format!("accessToken={token}"));
    assert_eq!(notes.header("authorization"), "");
    let mut ada = door.logged_in().await;
    assert_eq!(ada.get("/who").await.json(), json!({"sub": 7, "email": EMAIL}), "no times among what is kept");
}

#[tokio::test]
async fn auth_token() {
    let token = jwt(&json!({"_id": "7", "email": EMAIL, "iat": START}));
    let answer = Reply::json(200, &json!({"authToken": token}));
    let (_door, login, notes) = use_it(json!("auth-token"), "POST /login", answer).await;
    assert_eq!(login.json(), json!({"email": EMAIL, "password": PASSWORD}));
    assert_eq!((notes.header("auth-token"), notes.header("authorization")), (token.as_str(), ""));
}

#[tokio::test]
async fn oauth2_password() {
    let answer = Reply::json(200, &json!({"access_token": "opaque", "token_type": "bearer", "expires_in": 60}));
    let (_door, login, notes) = use_it(json!("oauth2-password"), "POST /token", answer).await;
    assert_eq!(login.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(login.body, "grant_type=password&password=open+sesame&username=ada%40example.com");
    assert_eq!(notes.header("authorization"), "Bearer opaque");
}

#[tokio::test]
async fn a_description_of_ones_own() {
    let contract = json!({
        "login": {
            "method": "PUT", "path": "/v1/sessions", "email_field": "mail", "password_field": "secret",
            "fields": {"device": "web", "remember": true}, "refused": [404], "message": "/why",
        },
        "tokens": {
            "access_token": {"header": "x-token"}, "expires_in": "/data/until", "expires_as": "date",
        },
        "user": {"login": "/data/people/0", "keep": ["email"]},
        "credential": "bare",
    });
    let until = json!({"data": {"until": "2026-01-01T12:01:00Z", "people": [{"email": EMAIL, "x": 1}]}});
    let answer = Reply::json(200, &until).with("x-token", "the-token");
    let (door, login, notes) = use_it(contract, "PUT /v1/sessions", answer).await;
    assert_eq!(login.json(), json!({"mail": EMAIL, "secret": PASSWORD, "device": "web", "remember": true}));
    assert_eq!(notes.header("authorization"), "the-token");
    door.clock.advance(59);
    let mut ada = door.logged_in().await;
    assert_eq!(ada.get("/who").await.json(), json!({"email": EMAIL}));
    door.clock.advance(1);
    assert_eq!(ada.get("/who").await.json(), Value::Null, "the date has come");

    door.api.on("PUT /v1/sessions", Reply::json(404, &json!({"why": "Nobody here has that name."})));
    let refused = log_in_with(&mut door.browser()).await;
    assert_eq!(refused.status, 404);
    assert_eq!(refused.json()["detail"], "Nobody here has that name.");
}

#[tokio::test]
async fn a_sign_up_in_the_apis_own_words() {
    let door = Door::open(json!({
        "preset": "demo",
        "sign_up": {
            "method": "PUT", "path": "/join", "encoding": "form", "email_field": "mail", "name_field": "full",
            "fields": {"plan": "free"}, "errors": "/problems",
        },
    }))
    .await;
    let fields = json!({"email": EMAIL, "password": PASSWORD, "name": "Ada"});
    let sign_up = async |door: &Door| {
        let mut browser = door.browser();
        let request = browser.request(reqwest::Method::POST, "/signup").json(&fields);
        browser.send(request).await
    };
    door.api.on("PUT /join", Reply::json(422, &json!({"problems": {"mail": ["Taken."]}})));
    let refused = sign_up(&door).await;
    assert_eq!(refused.json(), json!({"errors": {"email": "Taken."}}));
    assert!(refused.set_cookies().is_empty());

    door.api.on("PUT /join", Reply::json(201, &json!({})));
    door.api.on(
        "POST /auth/login",
        Reply::json(200, &json!({"access_token": "t", "expires_in": 60, "user": {"email": EMAIL}})),
    );
    assert_eq!(sign_up(&door).await.status, 200);
    let sent = door.api.seen("PUT /join").remove(1);
    assert_eq!(sent.body, "full=Ada&mail=ada%40example.com&password=open+sesame&plan=free");
}

/// The settings that the documentation's worked example arrives at.
fn worked_example() -> Value {
    let text = include_str!("../../docs/contracts.md");
    let example = text.split("Written down, from top to bottom").nth(1).unwrap();
    let block: Vec<_> =
        example.lines().skip(2).take_while(|line| line.is_empty() || line.starts_with("    ")).collect();
    let settings: Value = toml::from_str(&block.join("\n")).unwrap();
    settings["api"]["contract"].clone()
}

#[tokio::test]
async fn the_worked_example_of_the_documentation() {
    let door = Door::open(worked_example()).await;
    let answer = |token: &str, until: &str| {
        let body = json!({"session": {"jwt": token, "validUntil": until}});
        Reply::json(201, &body).with("set-cookie", format!("renewal=of-{token}; HttpOnly"))
    };
    let reader = json!({"reader": {"id": 7, "name": "Ada", "email": EMAIL, "loans": ["x"]}});
    door.api
        .on("POST /v1/sessions", answer("one", "2026-01-01T12:15:00Z"))
        .on("GET /v1/reader", Reply::json(200, &reader));
    door.api.on("PUT /v1/sessions", answer("two", "2026-01-01T12:30:00Z"));
    door.api.on("DELETE /v1/sessions", Reply::text(204, "text/plain", ""));
    let mut ada = door.logged_in().await;
    assert_eq!(ada.get("/who").await.json(), json!({"id": 7, "name": "Ada", "email": EMAIL}));
    assert_eq!(door.api.seen("POST /v1/sessions")[0].body, "card=ada%40example.com&pin=open+sesame");
    assert_eq!(door.api.seen("GET /v1/reader")[0].header("x-library-token"), "one");

    door.clock.advance(15 * 60);
    assert_eq!(ada.get("/who").await.json()["id"], 7);
    assert_eq!(door.api.seen("PUT /v1/sessions")[0].header("cookie"), "renewal=of-one");
    ada.post_form("/logout", &[]).await;
    assert_eq!(door.api.seen("DELETE /v1/sessions")[0].header("x-library-token"), "two");

    let refusal = json!({"error": {"text": "No such card, or a wrong PIN."}});
    door.api.on("POST /v1/sessions", Reply::json(404, &refusal));
    let refused = log_in_with(&mut door.browser()).await;
    assert_eq!(refused.json()["detail"], "No such card, or a wrong PIN.");
}

#[tokio::test]
async fn the_api_learns_which_device_logs_in() {
    let door = Door::open(json!("demo")).await;
    door.api.on(
        "POST /auth/login",
        Reply::json(200, &json!({"access_token": "t", "expires_in": 60, "user": {"email": EMAIL}})),
    );
    let mut browser = door.browser();
    let request = browser.request(reqwest::Method::POST, "/login").header("user-agent", "Lynx/2.9");
    let answer = browser.send(request.json(&json!({"email": EMAIL, "password": PASSWORD}))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(door.api.seen("POST /auth/login").remove(0).header("user-agent"), "Lynx/2.9");
}
