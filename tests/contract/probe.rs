//! The try of a contract that `vestibule check --login` prints.

use serde_json::{Value, json};
use vestibule::{api_client::Report, config::ApiConfig, contract::Contract, secret::Secret};

use crate::{
    api::{Api, Reply, jwt},
    door::{EMAIL, PASSWORD, START},
};

async fn diagnose(api: &Api, contract: Value) -> Report {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ApiConfig {
        url: Some(api.url().parse().unwrap()),
        contract: Contract::try_from(contract).unwrap(),
        timeout: 0.5,
    };
    let report = vestibule::api_client::diagnose(&config, EMAIL, &Secret::new(PASSWORD), START).await.unwrap();
    let text = format!("{report:?}");
    assert!(!text.contains(PASSWORD) && !text.contains("s3cret"), "{text}");
    report
}

#[tokio::test]
async fn tells_each_step_and_no_secret() {
    let api = Api::start().await;
    let tokens = json!({
        "access_token": jwt(&json!({"sub": "s3cret", "exp": START + 60})), "refresh_token": "r-s3cret",
        "user": {"id": 7, "email": EMAIL},
    });
    api.on("POST /auth/login", Reply::json(200, &tokens).with("set-cookie", "session=s3cret; Path=/"));
    api.on("POST /auth/refresh", Reply::json(200, &tokens));
    api.on("POST /auth/logout", Reply::text(204, "text/plain", ""));
    let report = diagnose(&api, json!("demo")).await;
    assert_eq!((report.faults.as_slice(), report.user), (&[][..], Some(json!({"id": 7, "email": EMAIL}))));
    let text = report.lines.join("\n");
    for part in [
        "1. log in",
        &format!("sent   POST {}/auth/login", api.url()),
        r#"application/json {"email":"ada@example.com","password":"[redacted]"}"#,
        "got    200 OK, application/json",
        "set-cookie: session=[redacted]",
        r#""access_token": text of"#,
        "found  access token at `/access_token`: a JWT (HS256)",
        "found  refresh token at `/refresh_token`: 8 characters",
        "ends in 60 s",
        "2. the person",
        "in the answer to the log-in, at `/user`",
        "3. refresh",
        r#"{"refresh_token":"[redacted]"}"#,
        "4. log out",
        "with the access token, as credential = Bearer",
    ] {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
}

/// What comes back to the log-in, and the line to change.
async fn fault(reply: Reply, contract: Value, cause: &str, change: &str) {
    let api = Api::start().await;
    api.on("POST /auth/login", reply);
    let report = diagnose(&api, contract).await;
    let fault = report.faults.first().unwrap_or_else(|| panic!("no fault: {report:?}"));
    assert!(fault.cause.contains(cause), "{cause}: {fault:?}");
    assert!(fault.change.contains(change), "{change}: {fault:?}");
    assert!(report.lines.iter().any(|line| line.contains(&fault.change)), "{report:?}");
}

#[tokio::test]
async fn names_the_line_to_change() {
    let token = jwt(&json!({"sub": "s3cret", "exp": START + 60}));
    for (body, change) in [
        (json!({"accessToken": token, "refreshToken": token}), r#"access_token = "/accessToken""#),
        (json!({"data": {"jwt": token}}), r#"access_token = "/data/jwt""#),
        (json!({"result": [{"token": "s3cret"}]}), r#"access_token = "/result/0/token""#),
        (json!({"ok": true}), "nothing in the answer looks like a token"),
    ] {
        fault(Reply::json(200, &body), json!("demo"), "no token at `/access_token`", change).await;
    }
    let cookie = Reply::json(200, &json!({"ok": true})).with("set-cookie", "jwt=s3cret; HttpOnly");
    fault(cookie, json!("demo"), "no token", r#"access_token = { cookie = "jwt" }"#).await;
    let endless = json!({"access_token": jwt(&json!({"sub": "s3cret"})), "user": {}});
    fault(Reply::json(200, &endless), json!("demo"), "without `exp`", "endless = true").await;
    let person = json!({"access_token": token, "me": {"email": EMAIL}});
    fault(Reply::json(200, &person), json!("demo"), "there is no user", r#"login = "/me""#).await;
    let odd = json!({"access_token": token, "expires_in": "soon"});
    fault(Reply::json(200, &odd), json!("demo"), "lifetime", "expires_as").await;
}

#[tokio::test]
async fn names_what_is_wrong_with_the_call() {
    let message = json!({"message": "no \"open sesame\" here"});
    for (status, change) in [
        (401, "nothing, if e-mail or password is wrong"),
        (404, "the API has no such path"),
        (405, "method"),
        (409, "refused = [409]"),
        (415, r#"encoding = "form""#),
        (500, "look into its log"),
    ] {
        fault(Reply::json(status, &message), json!("demo"), &status.to_string(), change).await;
    }
    let elsewhere = Reply::text(301, "text/html", "").with("location", "https://www.example/auth/login");
    fault(elsewhere, json!("demo"), "a redirect to https://www.example/auth/login", "url").await;
    fault(Reply::text(200, "text/html", "<p>"), json!("demo"), "no JSON", "[api] url").await;
    let slow = Reply { delay: std::time::Duration::from_secs(5), ..Reply::json(200, &json!({})) };
    fault(slow, json!("demo"), "timeout", "timeout =").await;
}

#[tokio::test]
async fn a_refresh_and_a_log_out_that_fail_are_told_too() {
    let api = Api::start().await;
    let tokens = json!({"access_token": "a-s3cret", "refresh_token": "r-s3cret", "expires_in": 60, "user": {"id": 1}});
    api.on("POST /auth/login", Reply::json(200, &tokens));
    let report = diagnose(&api, json!("demo")).await;
    let changes: Vec<_> = report.faults.iter().map(|fault| fault.change.as_str()).collect();
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert!(changes[0].contains("refresh = false") && changes[1].contains("logout = false"), "{changes:?}");
    assert_eq!(report.user, Some(json!({"id": 1})));
}
