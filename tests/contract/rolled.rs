//! Tokens that the API rolls: the next one comes with an ordinary answer, and goes into the session.

use serde_json::{Value, json};

use crate::{
    api::{Reply, jwt},
    browser::Answer,
    door::{Door, EMAIL, START},
};

fn token(number: i64) -> String {
    jwt(&json!({"sub": "1", "iat": START + number, "exp": START + 600}))
}

fn by_header() -> Value {
    json!({"preset": "demo", "refresh": false, "tokens": {"rolled": {"header": "authorization"}}})
}

async fn door(contract: Value) -> Door {
    let door = Door::open(contract).await;
    let body = json!({"access_token": token(0), "user": {"email": EMAIL}});
    door.api.on("POST /auth/login", Reply::json(200, &body).with("set-cookie", format!("at={}", token(0))));
    door
}

fn rolled_by_header(number: i64) -> Reply {
    Reply::json(200, &json!(number)).with("authorization", format!("Bearer {}", token(number)))
}

/// The credentials of all calls to `/page` and `/notes`.
fn credentials(door: &Door) -> Vec<String> {
    let calls = ["GET /notes", "GET /page"].into_iter().flat_map(|call| door.api.seen(call));
    calls.map(|call| call.header("authorization").trim_start_matches("Bearer ").to_owned()).collect()
}

fn shows_no_token(answer: &Answer) -> bool {
    !answer.body.contains("eyJ") && !answer.headers.contains_key("authorization")
}

#[tokio::test]
async fn goes_with_the_next_call() {
    let door = door(by_header()).await;
    let mut ada = door.logged_in().await;
    door.api.on("GET /notes", rolled_by_header(1)).then("GET /notes", rolled_by_header(2));
    for number in 1..=2 {
        let answer = ada.get("/api/proxy/notes").await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, number.to_string().as_str()));
        assert!(shows_no_token(&answer) && answer.set_cookies().len() == 1, "{answer:?}");
    }
    door.api.on("GET /page", rolled_by_header(3));
    let page = ada.get("/page").await;
    assert!(page.status == 200 && shows_no_token(&page), "{page:?}");
    ada.get("/api/proxy/notes").await;
    let sent = credentials(&door);
    assert_eq!(sent, [token(0), token(1), token(3), token(2)], "three calls to /notes, one to /page");
}

#[tokio::test]
async fn comes_in_the_cookie_that_is_the_token() {
    let contract = json!({
        "login": {"path": "/auth/login"}, "user": {"login": "/user"}, "tokens": {"access_token": {"cookie": "at"}},
    });
    let door = door(contract).await;
    let mut ada = door.logged_in().await;
    let next = Reply::json(200, &json!(1)).with("set-cookie", format!("at={}; HttpOnly", token(1)));
    door.api.on("GET /notes", next).then("GET /notes", Reply::json(200, &json!(2)));
    assert!(ada.get("/api/proxy/notes").await.set_cookies()[0].starts_with("vestibule="));
    ada.get("/api/proxy/notes").await;
    assert_eq!(credentials(&door), [token(0), token(1)]);
}

#[tokio::test]
async fn what_is_no_token_of_the_person_changes_nothing() {
    let door = door(by_header()).await;
    let mut ada = door.logged_in().await;
    let others = [
        "Bearer ".to_owned(),
        format!("Bearer {}", jwt(&json!({"sub": "2", "iat": START + 1, "exp": START + 600}))),
        format!("Bearer {}", jwt(&json!({"sub": "1", "iat": START - 1, "exp": START + 600}))),
        format!("Bearer {}", jwt(&json!({"sub": "1", "exp": START - 1}))),
        format!("Bearer {}", token(0)),
    ];
    for other in &others {
        door.api.on("GET /notes", Reply::json(200, &json!(1)).with("authorization", other.as_str()));
        let answer = ada.get("/api/proxy/notes").await;
        assert!(answer.status == 200 && answer.set_cookies().is_empty() && shows_no_token(&answer), "{answer:?}");
    }
    assert_eq!(credentials(&door), vec![token(0); others.len()]);
}

/// A browser may have sent a request before it had the new cookie.
#[tokio::test]
async fn a_request_with_the_former_cookie_has_the_next_token() {
    let door = door(by_header()).await;
    let mut ada = door.logged_in().await;
    let mut late = ada.clone();
    door.api.on("GET /notes", rolled_by_header(1)).then("GET /notes", Reply::json(200, &json!(2)));
    ada.get("/api/proxy/notes").await;
    assert_eq!(late.get("/api/proxy/notes").await.status, 200);
    assert_eq!(credentials(&door), [token(0), token(1)]);
}

/// The refusal of one call comes before the answer that brings the next token.
#[tokio::test]
async fn a_call_at_the_same_time_is_made_once_more() {
    let door = door(by_header()).await;
    let mut ada = door.logged_in().await;
    let slow = Reply { delay: std::time::Duration::from_millis(200), ..rolled_by_header(1) };
    door.api.on("GET /page", slow);
    door.api.on("GET /notes", Reply::json(401, &json!({}))).then("GET /notes", Reply::json(200, &json!("again")));
    let mut other = ada.clone();
    let (page, notes) = tokio::join!(ada.get("/page"), async {
        while door.api.seen("GET /page").is_empty() {
            tokio::task::yield_now().await;
        }
        other.get("/api/proxy/notes").await
    });
    assert_eq!((page.status.as_u16(), notes.status.as_u16(), notes.body.as_str()), (200, 200, "\"again\""));
    assert_eq!(ada.get("/who").await.json()["email"], EMAIL);
}
