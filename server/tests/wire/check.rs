//! `vestibule check --login` against an API that speaks otherwise than the contract says: it prints the
//! line to change, and with that line changed all is well.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    program::run,
    support::stub::{PASSWORD, Stub},
};

const TOKEN: &str = "s3cret-access-token";

/// What the program says: whether all is well, its output, and its last word.
struct Said {
    success: bool,
    out: String,
    error: String,
}

async fn check(stub: &Stub, contract: &str) -> Said {
    let (url, contract) = (stub.url(), contract.to_owned());
    let output = tokio::task::spawn_blocking(move || {
        let variables = [
            ("VESTIBULE_API__URL", url.as_str()),
            ("VESTIBULE_API__CONTRACT", &contract),
            ("VESTIBULE_CHECK_PASSWORD", PASSWORD),
        ];
        run(&["check", "--login", "ada@example.com"], &variables)
    })
    .await
    .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let said = Said { success: output.status.success(), out: text(output.stdout), error: text(output.stderr) };
    let all = format!("{}{}", said.out, said.error);
    assert!(!all.contains(TOKEN) && !all.contains(PASSWORD), "{all}");
    said
}

/// The log-in is answered with `response`: `wrong` and `line` are printed, and `contract`, which has that
/// line, fits.
async fn is_mended(response: Value, wrong: &str, line: &str, contract: &str) {
    let stub = Stub::start().await;
    stub.memory().login_answer = Some((StatusCode::OK, "application/json".into(), response.to_string()));
    let said = check(&stub, "demo").await;
    assert!(!said.success, "{}", said.out);
    for expected in [wrong, line] {
        assert!(said.out.contains(expected), "{expected} in:\n{}", said.out);
        assert!(said.error.contains(expected), "{expected} in:\n{}", said.error);
    }
    assert!(said.out.contains("1. log in") && said.out.contains("\"password\":\"[redacted]\""), "{}", said.out);
    assert!(!said.out.contains("logged in as"), "{}", said.out);
    assert_eq!(said.error.trim_end().lines().count(), 1, "one line: {}", said.error);

    let said = check(&stub, contract).await;
    assert!(said.success, "{}{}", said.out, said.error);
    assert!(said.out.contains("ok: logged in as") && said.out.contains("ada@example.com"), "{}", said.out);
}

#[tokio::test]
async fn names_the_pointer_of_a_token_that_lies_elsewhere() {
    let person = json!({"email": "ada@example.com"});
    is_mended(
        json!({"accessToken": TOKEN, "user": person}),
        "the answer has no token at `/access_token`; it has: accessToken, user",
        r#"[api.contract.tokens] access_token = "/accessToken""#,
        r#"{preset="demo", tokens={access_token="/accessToken"}}"#,
    )
    .await;
    is_mended(
        json!({"data": {"session": {"jwt_token": TOKEN}}, "user": person}),
        "the answer has no token at `/access_token`; it has: data, user",
        r#"[api.contract.tokens] access_token = "/data/session/jwt_token""#,
        r#"{preset="demo", tokens={access_token="/data/session/jwt_token"}}"#,
    )
    .await;
}

#[tokio::test]
async fn names_the_pointer_of_a_person_who_lies_elsewhere() {
    is_mended(
        json!({"access_token": TOKEN, "account": {"id": 7, "email": "ada@example.com"}}),
        "there is no user",
        r#"[api.contract.user] login = "/account""#,
        r#"{preset="demo", user={login="/account"}}"#,
    )
    .await;
}

#[tokio::test]
async fn says_what_a_lifetime_of_another_meaning_needs() {
    is_mended(
        json!({"access_token": TOKEN, "expires_in": "2199-01-01T00:00:00Z", "user": {"email": "ada@example.com"}}),
        "the lifetime at `/expires_in` is no number of seconds",
        r#"expires_as = "seconds", "milliseconds" or "date""#,
        r#"{preset="demo", tokens={expires_as="date"}}"#,
    )
    .await;
}
