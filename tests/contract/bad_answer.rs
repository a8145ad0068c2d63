//! A log-in that the API answers wrongly: a clear sentence to the person, the precise cause in the
//! log once, no cookie, and whoever was logged in before still is.

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    api::{Reply, jwt},
    door::{Door, EMAIL, PASSWORD, START, log_in_with},
    journal::Journal,
};

const NOT_UNDERSTOOD: &str = "cannot be understood";
const NOT_REACHED: &str = "cannot be reached";

fn fine() -> Reply {
    Reply::json(200, &json!({"access_token": "first-token", "expires_in": 900, "user": {"email": EMAIL}}))
}

/// Logs in, then once more with a bad answer.
async fn try_with(door: &Door, bad: Reply, sentence: &str, cause: &str) {
    door.api.on("POST /auth/login", fine());
    let mut ada = door.logged_in().await;
    let before = ada.cookies.clone();

    door.api.on("POST /auth/login", bad);
    let (journal, guard) = Journal::open();
    for mut browser in [ada.clone(), door.browser()] {
        let answer = log_in_with(&mut browser).await;
        assert!(answer.status.is_server_error(), "{cause}: {answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(sentence), "{cause}: {detail}");
        assert!(answer.set_cookies().is_empty(), "{cause}: {answer:?}");
    }
    drop(guard);
    let errors = journal.errors();
    assert_eq!(errors.len(), 2, "{cause}: the cause stands in the log once for each: {}", journal.text());
    assert!(errors.iter().all(|line| line.contains(cause)), "{cause}: {errors:?}");
    assert!(!journal.text().contains(PASSWORD) && !journal.text().contains("s3cret"), "{}", journal.text());

    assert_eq!(ada.cookies, before);
    assert_eq!(ada.get("/who").await.json()["email"], EMAIL, "{cause}: the old session goes on");
    door.api.on("GET /notes", Reply::json(200, &json!("fine")));
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(door.api.seen("GET /notes").last().unwrap().header("authorization"), "Bearer first-token");
}

#[tokio::test]
async fn a_page_instead_of_json() {
    let door = Door::open(json!("demo")).await;
    let html = Reply::text(200, "text/html", "<!doctype html><p>s3cret");
    try_with(&door, html, NOT_UNDERSTOOD, "200 OK with text/html that is no JSON (line 1, column 1)").await;
}

#[tokio::test]
async fn an_empty_body() {
    let door = Door::open(json!("demo")).await;
    try_with(&door, Reply::text(200, "application/json", ""), NOT_UNDERSTOOD, "200 OK with an empty body").await;
    try_with(&door, Reply::text(204, "application/json", ""), NOT_UNDERSTOOD, "204 No Content with an empty body")
        .await;
}

#[tokio::test]
async fn a_token_of_the_wrong_type_or_in_another_place() {
    let door = Door::open(json!("demo")).await;
    for (token, cause) in [
        (json!(7), "at `/access_token` is a number, not a text"),
        (json!(null), "at `/access_token` is null"),
        (json!(["s3cret"]), "at `/access_token` is a list"),
        (json!({"s3cret": 1}), "at `/access_token` is an object"),
        (json!(""), "at `/access_token` is an empty text"),
        (json!("s3cret\r\nset-cookie: a=b"), "characters that no token has"),
    ] {
        try_with(&door, Reply::json(200, &json!({"access_token": token})), NOT_UNDERSTOOD, cause).await;
    }
    let elsewhere = json!({"accessToken": "s3cret", "user": {}});
    try_with(
        &door,
        Reply::json(200, &elsewhere),
        NOT_UNDERSTOOD,
        "no token at `/access_token`; it has: accessToken, user",
    )
    .await;
    for (body, cause) in [(json!([]), "it is a list"), (json!("s3cret"), "it is a text"), (json!(null), "it is null")] {
        try_with(&door, Reply::json(200, &body), NOT_UNDERSTOOD, cause).await;
    }
}

#[tokio::test]
async fn a_lifetime_that_means_nothing() {
    let door = Door::open(json!("demo")).await;
    for (lifetime, cause) in [
        (json!("soon"), "the lifetime at `/expires_in` is no number of seconds"),
        (json!(-1), "the lifetime at `/expires_in` lies in the past"),
    ] {
        let body = json!({"access_token": "s3cret", "expires_in": lifetime, "user": {}});
        try_with(&door, Reply::json(200, &body), NOT_UNDERSTOOD, cause).await;
    }
}

#[tokio::test]
async fn ten_megabytes() {
    let door = Door::open(json!("demo")).await;
    let body = format!(r#"{{"access_token":"s3cret","filling":"{}"}}"#, "x".repeat(10 * 1024 * 1024));
    let reply = Reply::text(200, "application/json", body);
    try_with(&door, reply, NOT_UNDERSTOOD, "larger than 262144 bytes").await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_password() {
    let door = Door::open(json!("demo")).await;
    for status in [301, 302, 303, 307, 308] {
        let reply = Reply::text(status, "text/plain", "").with("location", "/elsewhere?s3cret");
        try_with(&door, reply, NOT_UNDERSTOOD, "a redirect to /elsewhere").await;
    }
    assert!(door.api.memory().seen.iter().all(|seen| !seen.call.contains("elsewhere")));
}

#[tokio::test]
async fn a_status_that_is_no_answer_to_a_log_in() {
    let door = Door::open(json!("demo")).await;
    for (status, cause) in [(404, "unexpected status 404"), (500, "unexpected status 500"), (503, "status 503")] {
        try_with(&door, Reply::json(status, &json!({"message": "s3cret"})), NOT_UNDERSTOOD, cause).await;
    }
}

#[tokio::test]
async fn an_api_that_is_not_there() {
    let door = Door::with(json!("demo"), |config| {
        // Nobody listens on port 9 of loopback.
        config.api.url = Some("http://127.0.0.1:9".parse().unwrap());
    })
    .await;
    let (journal, guard) = Journal::open();
    let answer = log_in_with(&mut door.browser()).await;
    drop(guard);
    assert_eq!(answer.status, 502);
    assert!(answer.json()["detail"].as_str().unwrap().contains(NOT_REACHED));
    assert!(answer.set_cookies().is_empty() && !answer.body.contains("127.0.0.1"));
    assert_eq!(journal.errors().len(), 1);
    assert!(journal.errors()[0].contains("(path /auth/login)"), "{}", journal.text());
}

#[tokio::test]
async fn an_api_that_hangs_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let door = Door::with(json!("demo"), |config| config.api.url = Some(url.parse().unwrap())).await;
    let (journal, guard) = Journal::open();
    let answer = log_in_with(&mut door.browser()).await;
    drop(guard);
    assert_eq!(answer.status, 502, "{answer:?}");
    assert!(answer.json()["detail"].as_str().unwrap().contains(NOT_REACHED));
    assert!(answer.set_cookies().is_empty());
    assert!(journal.errors()[0].contains("the API cannot be reached"), "{}", journal.text());
}

#[tokio::test]
async fn a_jwt_without_an_end() {
    let door = Door::open(json!("demo")).await;
    let body = json!({"access_token": jwt(&json!({"sub": "s3cret"})), "user": {"email": EMAIL}});
    try_with(&door, Reply::json(200, &body), NOT_UNDERSTOOD, "a JWT without `exp`").await;
}

#[tokio::test]
async fn a_jwt_without_an_end_where_that_is_allowed() {
    let door = Door::open(json!({"preset": "demo", "tokens": {"endless": true}})).await;
    let body = json!({"access_token": jwt(&json!({"sub": "1"})), "user": {"email": EMAIL}});
    door.api.on("POST /auth/login", Reply::json(200, &body));
    let mut ada = door.logged_in().await;
    assert_eq!(ada.get("/api/session").await.json()["expiresAt"], Value::Null);
    // By the limits of the session alone, which a day without a request is.
    door.clock.advance(23 * 60 * 60);
    assert_eq!(ada.get("/who").await.json()["email"], EMAIL);
    door.clock.advance(25 * 60 * 60);
    assert_eq!(ada.get("/who").await.json(), Value::Null);
}

#[tokio::test]
async fn a_jwt_that_has_ended() {
    let door = Door::open(json!("demo")).await;
    let body = json!({"access_token": jwt(&json!({"exp": START - 1})), "user": {"email": EMAIL}});
    try_with(&door, Reply::json(200, &body), NOT_UNDERSTOOD, "`exp` lies in the past").await;
}

#[tokio::test]
async fn a_person_of_a_hundred_kilobytes() {
    let door = Door::open(json!("demo")).await;
    // Not compressible, or the session would hold it.
    let mut state = 1_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b'0' + u8::try_from(state % 64).unwrap())
    };
    let noise: String = (0..100_000).map(|_| next()).collect();
    let body = json!({"access_token": "s3cret", "expires_in": 900, "user": {"email": EMAIL, "picture": noise}});
    try_with(&door, Reply::json(200, &body), "more user data than a session can hold", "does not fit into the session")
        .await;
}

#[tokio::test]
async fn a_person_of_a_hundred_kilobytes_of_which_little_is_kept() {
    let door = Door::open(json!({"preset": "demo", "user": {"keep": ["email"]}})).await;
    let user = json!({"email": EMAIL, "picture": "x".repeat(100_000)});
    let body = json!({"access_token": "t", "expires_in": 900, "user": user});
    door.api.on("POST /auth/login", Reply::json(200, &body));
    assert_eq!(door.logged_in().await.get("/who").await.json(), json!({"email": EMAIL}));
}

#[tokio::test]
async fn a_log_in_without_a_person() {
    let door = Door::open(json!("demo")).await;
    for (user, cause) in [(json!("s3cret"), "the user is no JSON object"), (json!(7), "the user is no JSON object")] {
        let body = json!({"access_token": "s3cret", "expires_in": 900, "user": user});
        try_with(&door, Reply::json(200, &body), NOT_UNDERSTOOD, cause).await;
    }
    let nobody = json!({"access_token": "s3cret", "expires_in": 900});
    try_with(&door, Reply::json(200, &nobody), NOT_UNDERSTOOD, "the answer to the log-in has none at `/user`").await;
}
