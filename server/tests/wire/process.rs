//! The program as operators see it: settings, logs, key file, start and stop.

use std::process::Output;

use crate::{
    program::{Program, run},
    support::stub::{PASSWORD, Stub},
};

/// Variables by name and value.
type Variables = &'static [(&'static str, &'static str)];

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn startup_error(output: &Output) -> String {
    let line = text(&output.stderr);
    assert!(!output.status.success(), "it started: {line}");
    assert_eq!(line.trim_end().lines().count(), 1, "one line: {line}");
    line
}

#[test]
fn a_wrong_setting_stops_the_start_with_one_line() {
    let cases: &[(Variables, &[&str])] = &[
        (&[("VESTIBULE_API__URLL", "http://127.0.0.1:1")], &["api.urll"]),
        (&[("VESTIBULE_API__URL", "127.0.0.1:1")], &["api.url"]),
        (&[("VESTIBULE_API__URL", "ftp://127.0.0.1")], &["api.url", "http://"]),
        (&[("VESTIBULE_API__CONTRACT", "fethers")], &["api.contract", "feathers"]),
        (&[("VESTIBULE_API__CONTRACT", "feathers")], &["api.contract", "api.url"]),
        (&[("VESTIBULE_PUBLIC_URL", "http://app.example")], &["public_url", "https"]),
        (&[("VESTIBULE_SESSION__KEYS", "c2hvcnQ=")], &["session.keys", "keygen"]),
        (&[("VESTIBULE_SESSION__STORE", "redis")], &["session.store", "cookie", "redis-sentinel://"]),
        (&[("VESTIBULE_SESSION__STORE", "redis://:hidden@one,two")], &["session.store", "several", "redis-cluster://"]),
        (&[("VESTIBULE_SESSION__STORE", "redis-sentinel://:hidden@one,two")], &["session.store", "service"]),
        (&[("VESTIBULE_SESSION__REVOCATION", "redis-cluster://one/main")], &["session.revocation", "path"]),
    ];
    for (variables, parts) in cases {
        let line = startup_error(&run(&[], variables));
        for part in *parts {
            assert!(line.contains(part), "{variables:?}: {line}");
        }
        assert!(!line.contains("hidden"), "a password must not be printed: {line}");
    }
}

#[test]
fn generates_keys() {
    let (one, other) = (run(&["keygen"], &[]), run(&["keygen"], &[]));
    assert_ne!(one.stdout, other.stdout);
    assert_eq!(text(&one.stdout).trim().len(), 44);
}

#[tokio::test]
async fn check_prints_the_settings_without_secrets_and_tries_the_api() {
    let stub = Stub::start().await;
    let url = stub.url();
    let key = text(&run(&["keygen"], &[]).stdout).trim().to_owned();
    let variables = [("VESTIBULE_API__URL", url.as_str()), ("VESTIBULE_SESSION__KEYS", &key)];
    let check = move |arguments: &'static [&'static str], more: Vec<(String, String)>| {
        let variables: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).chain(more).collect();
        tokio::task::spawn_blocking(move || {
            let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            run(arguments, &variables)
        })
    };
    let fine = check(&["check"], Vec::new()).await.unwrap();
    let out = text(&fine.stdout);
    assert!(fine.status.success(), "{out} {}", text(&fine.stderr));
    assert!(out.contains(&url) && out.contains("/auth/login") && out.contains("[redacted]"), "{out}");
    assert!(!out.contains(&key));

    let password = vec![("VESTIBULE_CHECK_PASSWORD".into(), PASSWORD.into())];
    let login = check(&["check", "--login", "ada@example.com"], password).await.unwrap();
    let out = text(&login.stdout);
    assert!(login.status.success() && out.contains("logged in as"), "{out} {}", text(&login.stderr));
    assert!(stub.tokens().iter().all(|token| !out.contains(token)) && !out.contains(PASSWORD));

    let nowhere = vec![("VESTIBULE_API__URL".into(), "http://127.0.0.1:9".into())];
    let line = startup_error(&check(&["check"], nowhere).await.unwrap());
    assert!(line.contains("http://127.0.0.1:9/") && line.contains("VESTIBULE_API__URL"), "{line}");
}

#[tokio::test]
async fn keeps_its_key_in_the_data_folder() {
    use std::os::unix::fs::PermissionsExt;
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let path = server.data_dir.join("session.key");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn logs_json_with_the_request_id_and_the_cause_once() {
    let server = Program::with(&[("VESTIBULE_API__URL", "http://127.0.0.1:9")]).await;
    let mut browser = server.browser();
    let request = browser.request(reqwest::Method::GET, "/api/proxy/notes?secret=1").header("x-request-id", "forged");
    let response = browser.send(request).await;
    assert_eq!(response.status, 502);
    assert!(!response.body.contains("127.0.0.1"), "no internal names: {}", response.body);
    let id = response.headers["x-request-id"].to_str().unwrap().to_owned();
    assert_ne!(id, "forged");
    let line = server.logged(&id).await;
    let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(entry["span"]["path"], "/api/proxy/notes", "{entry}");
    let log = server.stop().await;
    assert_eq!(log.lines().filter(|line| line.contains(&id)).count(), 1, "once: {log}");
    assert!(!log.contains("secret=1"));
}

#[tokio::test]
async fn lets_requests_in_flight_finish() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let mut ada = server.logged_in("ada@example.com").await;
    // The call waits for its refresh while the signal arrives.
    stub.forget_access_tokens();
    stub.memory().holds_refreshes = true;
    let call = tokio::spawn(async move { ada.get("/api/proxy/notes").await });
    stub.refreshing(1).await;
    server.terminate();
    server.logged("stopping").await;
    stub.memory().holds_refreshes = false;
    assert_eq!(call.await.unwrap().status, 200);
    let (code, log) = server.exited().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn the_embedded_demo_api_needs_no_settings() {
    let server = Program::with(&[]).await;
    let mut line = server.logged("ada@example.com").await;
    assert!(line.contains("vestibule-demo"), "{line}");
    let mut ada = server.browser();
    let fields = [("email", "ada@example.com"), ("password", "vestibule-demo"), ("return_to", "/")];
    assert_eq!(ada.post_form("/api/login", &fields).await.status, 200);
    let notes = ada.get("/api/proxy/notes?$limit=5").await;
    assert!(notes.json()["total"].as_u64().unwrap() > 0, "{notes:?}");
    assert_eq!(ada.get("/notes").await.status, 200);
    line = server.stop().await;
    assert!(line.contains("stopping"));
}

#[tokio::test]
async fn security_headers_are_on_every_page() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    for path in ["/", "/login", "/nowhere", "/api/session"] {
        let response = server.browser().get(path).await;
        let header = |name: &str| response.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"), "{path}");
        assert_eq!(header("referrer-policy").as_deref(), Some("same-origin"), "{path}");
        assert!(header("permissions-policy").is_some() && header("cross-origin-opener-policy").is_some(), "{path}");
        assert!(header("strict-transport-security").is_none(), "plain http");
        if path.starts_with("/api") {
            continue;
        }
        let policy = header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("'nonce-"), "{policy}");
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert!(response.body.contains(nonce), "{path}: the page's scripts carry the nonce");
    }
    assert_eq!(server.browser().get("/nowhere").await.status, 404);
}
