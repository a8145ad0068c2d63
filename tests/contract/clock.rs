//! An API whose clock is five minutes wrong, and whose tokens tell their times by it alone.

use serde_json::{Value, json};

use crate::{
    api::{Reply, jwt},
    door::{Door, EMAIL, START},
};

/// How long each token lives, in seconds.
const LIFETIME: i64 = 900;

/// An answer with a token that is issued at `at` of the API's clock.
fn tokens(at: i64, with_issue: bool) -> (String, Reply) {
    let mut claims = json!({"email": EMAIL, "exp": at + LIFETIME});
    if with_issue {
        claims["iat"] = at.into();
    }
    let token = jwt(&claims);
    let body = json!({"access_token": token, "refresh_token": "r", "user": {"email": EMAIL}});
    (token, Reply::json(200, &body))
}

fn bearer(door: &Door) -> String {
    door.api.seen("GET /notes").last().unwrap().header("authorization").to_owned()
}

#[tokio::test]
async fn makes_no_difference_to_a_token_that_says_when_it_was_issued() {
    for skew in [-300, 300] {
        let door = Door::open(json!("demo")).await;
        let (first, log_in) = tokens(START + skew, true);
        let (second, refresh) = tokens(START + skew + 840, true);
        door.api.on("POST /auth/login", log_in).on("POST /auth/refresh", refresh);
        door.api.on("GET /notes", Reply::json(200, &json!([])));
        let mut ada = door.logged_in().await;
        assert_eq!(ada.get("/api/session").await.json()["expiresAt"], "2026-01-01T12:15:00Z", "{skew} s");
        for (advance, token) in [(839, &first), (1, &second), (839, &second)] {
            door.clock.advance(advance);
            assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
            assert_eq!(bearer(&door), format!("Bearer {token}"), "{skew} s");
        }
        assert_eq!(door.api.seen("POST /auth/refresh").len(), 1, "{skew} s");
    }
}

/// Then `exp` is all there is. Behind, the token is renewed too early; ahead, the API refuses it first.
#[tokio::test]
async fn logs_nobody_out_whose_token_has_an_end_alone() {
    for (skew, wait) in [(-300, 540), (300, 900)] {
        let door = Door::open(json!("demo")).await;
        let (_, log_in) = tokens(START + skew, false);
        let (second, refresh) = tokens(START + skew + wait, false);
        door.api.on("POST /auth/login", log_in).on("POST /auth/refresh", refresh);
        let fine = Reply::json(200, &json!([]));
        if skew > 0 {
            door.api.on("GET /notes", Reply::json(401, &json!({}))).then("GET /notes", fine);
        } else {
            door.api.on("GET /notes", fine);
        }
        let mut ada = door.logged_in().await;
        door.clock.advance(wait);
        let answer = ada.get("/api/proxy/notes").await;
        assert_eq!(answer.status, 200, "{skew} s: {answer:?}");
        assert_eq!(bearer(&door), format!("Bearer {second}"), "{skew} s");
        assert_eq!(door.api.seen("POST /auth/refresh").len(), 1, "{skew} s");
        assert_eq!(ada.get("/api/session").await.json()["loggedIn"], Value::Bool(true));
    }
}
