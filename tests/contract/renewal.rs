//! Refresh and log-out, in each way an API may want the refresh token.

use serde_json::{Value, json};

use crate::{
    api::{Reply, Seen},
    door::{Door, EMAIL},
};

fn tokens(access: &str, refresh: Option<&str>) -> Value {
    json!({"access_token": access, "refresh_token": refresh, "expires_in": 900, "user": {"email": EMAIL}})
}

/// Lets two access tokens end; answers the two calls that renewed them.
async fn renewed_twice(door: &Door) -> Vec<Seen> {
    door.api.on("GET /notes", Reply::json(200, &json!([])));
    let mut ada = door.logged_in().await;
    for _ in 0..2 {
        door.clock.advance(900);
        assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    }
    assert_eq!(ada.get("/who").await.json()["email"], EMAIL);
    door.api.seen("POST /auth/refresh")
}

#[tokio::test]
async fn the_refresh_token_is_sent_as_the_contract_says() {
    for (send, name, value) in [
        (json!({"header": "x-refresh"}), "x-refresh", "r1"),
        (json!({"cookie": "refreshToken"}), "cookie", "refreshToken=r1"),
        (json!("bearer"), "authorization", "Bearer r1"),
    ] {
        let door = Door::open(json!({"preset": "demo", "refresh": {"send": send}})).await;
        door.api.on("POST /auth/login", Reply::json(200, &tokens("a1", Some("r1"))));
        door.api.on("POST /auth/refresh", Reply::json(200, &tokens("a2", None)));
        let seen = renewed_twice(&door).await;
        assert_eq!(seen.len(), 2);
        for call in seen {
            assert_eq!(call.header(name), value);
            assert_eq!(call.json(), json!({}));
        }
    }
}

#[tokio::test]
async fn a_rotating_refresh_token_is_replaced_and_another_stays() {
    for (rotates, second) in [(true, "r2"), (false, "r1")] {
        let door = Door::open(json!({"preset": "demo", "refresh": {"rotates": rotates}})).await;
        door.api.on("POST /auth/login", Reply::json(200, &tokens("a1", Some("r1"))));
        door.api.on("POST /auth/refresh", Reply::json(200, &tokens("a2", Some("r2"))));
        let seen = renewed_twice(&door).await;
        let sent: Vec<_> = seen.iter().map(|call| call.json()["refresh_token"].clone()).collect();
        assert_eq!(sent, ["r1", second], "rotates = {rotates}");
    }
}

#[tokio::test]
async fn a_refresh_token_that_comes_as_a_cookie_stays_in_the_session() {
    let door = Door::open(json!({
        "preset": "nestjs",
        "tokens": {"refresh_token": {"cookie": "refreshToken"}, "expires_in": "/expiresIn", "expires_as": "milliseconds"},
        "user": {"login": "/user"},
        "refresh": {"path": "/auth/refresh", "send": {"cookie": "refreshToken"}},
    }))
    .await;
    let body = |token: &str| json!({"accessToken": token, "expiresIn": 900_000, "user": {"email": EMAIL}});
    let set = |token: &str| format!("refreshToken={token}; Path=/auth; HttpOnly; SameSite=Strict; Max-Age=3600");
    door.api.on("POST /api/login", Reply::json(201, &body("a1")).with("set-cookie", set("r1-s3cret")));
    door.api.on("POST /auth/refresh", Reply::json(201, &body("a2")).with("set-cookie", set("r2-s3cret")));
    door.api.on("GET /notes", Reply::json(200, &json!([])));

    let mut ada = door.browser();
    let login = crate::door::log_in_with(&mut ada).await;
    assert_eq!(login.status, 200);
    assert!(!format!("{login:?}").contains("s3cret"), "{login:?}");
    assert_eq!(ada.cookies.keys().collect::<Vec<_>>(), ["vestibule"]);
    for _ in 0..2 {
        door.clock.advance(900);
        let answer = ada.get("/api/proxy/notes").await;
        assert_eq!(answer.status, 200);
        assert!(!format!("{answer:?}").contains("s3cret"));
    }
    let spent: Vec<_> =
        door.api.seen("POST /auth/refresh").iter().map(|call| call.header("cookie").to_owned()).collect();
    assert_eq!(spent, ["refreshToken=r1-s3cret", "refreshToken=r2-s3cret"]);
    let notes: Vec<_> = door.api.seen("GET /notes").iter().map(|call| call.header("cookie").to_owned()).collect();
    assert_eq!(notes, ["accessToken=a2", "accessToken=a2"], "calls carry the access token alone");
}

#[tokio::test]
async fn the_contract_says_which_status_ends_a_session() {
    let door = Door::open(json!({"preset": "demo", "refresh": {"refused": [403]}})).await;
    door.api.on("POST /auth/login", Reply::json(200, &tokens("a1", Some("r1"))));
    for (status, logged_in) in [(401, true), (403, false)] {
        door.api.on("POST /auth/refresh", Reply::json(status, &json!({})));
        let mut ada = door.logged_in().await;
        door.clock.advance(850);
        assert_eq!(ada.get("/who").await.json().is_object(), logged_in, "{status}");
    }
}

#[tokio::test]
async fn a_bad_answer_to_a_refresh_ends_nothing() {
    let door = Door::open(json!("demo")).await;
    door.api.on("POST /auth/login", Reply::json(200, &tokens("a1", Some("r1"))));
    for bad in [
        Reply::text(200, "text/html", "<p>"),
        Reply::json(200, &json!({"access_token": 7})),
        Reply::text(302, "text/plain", "").with("location", "/"),
    ] {
        door.api.on("POST /auth/refresh", bad);
        let mut ada = door.logged_in().await;
        door.clock.advance(850);
        assert_eq!(ada.get("/who").await.json()["email"], EMAIL);
    }
}

#[tokio::test]
async fn a_log_out_calls_the_api_as_the_contract_says() {
    let door = Door::open(json!({
        "preset": "demo",
        "logout": {"method": "DELETE", "path": "/sessions/own", "fields": {"all": false}},
    }))
    .await;
    door.api.on("POST /auth/login", Reply::json(200, &tokens("a1", Some("r1"))));
    door.api.on("DELETE /sessions/own", Reply::text(204, "text/plain", ""));
    let mut ada = door.logged_in().await;
    assert_eq!(ada.post_form("/logout", &[]).await.status, 204);
    let seen = door.api.seen("DELETE /sessions/own").remove(0);
    assert_eq!((seen.header("authorization"), seen.json()), ("Bearer a1", json!({"all": false})));
    assert!(ada.cookies.is_empty());
}

#[tokio::test]
async fn a_log_out_sends_the_refresh_token_along_where_the_contract_says() {
    for (credential, send, cookie, body) in [
        (json!("bearer"), json!({"field": "token"}), "", json!({"token": "r1"})),
        (json!({"cookie": "access"}), json!({"cookie": "refresh"}), "access=a1; refresh=r1", json!({})),
    ] {
        let door = Door::open(json!({"preset": "demo", "credential": credential, "logout": {"send": send}})).await;
        door.api.on("POST /auth/login", Reply::json(200, &tokens("a1", Some("r1"))));
        door.api.on("POST /auth/logout", Reply::text(204, "text/plain", ""));
        let mut ada = door.logged_in().await;
        ada.post_form("/logout", &[]).await;
        let seen = door.api.seen("POST /auth/logout").remove(0);
        assert_eq!((seen.header("cookie"), seen.json()), (cookie, body));
    }
}
