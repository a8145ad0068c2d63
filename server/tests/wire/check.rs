//! `vestibule check --login` against an API that does not follow the contract: it prints the line to change, and with that
//! change the check succeeds.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    program::run,
    support::stub::{PASSWORD, Stub},
};

const TOKEN: &str = "s3cret-access-token";

/// The result of the check: whether it succeeded, its output and its error message.
struct CheckResult {
    success: bool,
    out: String,
    error: String,
}

async fn check(stub: &Stub, contract: &str) -> CheckResult {
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
    let result = CheckResult { success: output.status.success(), out: text(output.stdout), error: text(output.stderr) };
    let all = format!("{}{}", result.out, result.error);
    assert!(!all.contains(TOKEN) && !all.contains(PASSWORD), "{all}");
    result
}

/// With `response` to the login, the check prints `wrong` and `line`, and it succeeds with `contract`, which has that
/// line.
async fn suggests_the_fix(response: Value, wrong: &str, line: &str, contract: &str) {
    let stub = Stub::start().await;
    stub.memory().login_answer = Some((StatusCode::OK, "application/json".into(), response.to_string()));
    let result = check(&stub, "demo").await;
    assert!(!result.success, "{}", result.out);
    for expected in [wrong, line] {
        assert!(result.out.contains(expected), "{expected} in:\n{}", result.out);
        assert!(result.error.contains(expected), "{expected} in:\n{}", result.error);
    }
    assert!(result.out.contains("1. log in") && result.out.contains("\"password\":\"[redacted]\""), "{}", result.out);
    assert!(!result.out.contains("logged in as"), "{}", result.out);
    assert_eq!(result.error.trim_end().lines().count(), 1, "one line: {}", result.error);

    let result = check(&stub, contract).await;
    assert!(result.success, "{}{}", result.out, result.error);
    assert!(result.out.contains("ok: logged in as") && result.out.contains("ada@example.com"), "{}", result.out);
}

#[tokio::test]
async fn names_the_pointer_of_a_token_at_another_place() {
    let user = json!({"email": "ada@example.com"});
    suggests_the_fix(
        json!({"accessToken": TOKEN, "user": user}),
        "the answer has no token at `/access_token`; it has: accessToken, user",
        r#"[api.contract.tokens] access_token = "/accessToken""#,
        r#"{preset="demo", tokens={access_token="/accessToken"}}"#,
    )
    .await;
    suggests_the_fix(
        json!({"data": {"session": {"jwt_token": TOKEN}}, "user": user}),
        "the answer has no token at `/access_token`; it has: data, user",
        r#"[api.contract.tokens] access_token = "/data/session/jwt_token""#,
        r#"{preset="demo", tokens={access_token="/data/session/jwt_token"}}"#,
    )
    .await;
}

#[tokio::test]
async fn names_the_pointer_of_a_user_at_another_place() {
    suggests_the_fix(
        json!({"access_token": TOKEN, "account": {"id": 7, "email": "ada@example.com"}}),
        "there is no user",
        r#"[api.contract.user] login = "/account""#,
        r#"{preset="demo", user={login="/account"}}"#,
    )
    .await;
}

#[tokio::test]
async fn names_the_setting_for_a_lifetime_in_another_format() {
    suggests_the_fix(
        json!({"access_token": TOKEN, "expires_in": "2199-01-01T00:00:00Z", "user": {"email": "ada@example.com"}}),
        "the lifetime at `/expires_in` is no number of seconds",
        r#"expires_as = "seconds", "milliseconds" or "date""#,
        r#"{preset="demo", tokens={expires_as="date"}}"#,
    )
    .await;
}
