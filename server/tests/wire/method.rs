//! Methods that a path does not support.

use crate::{program::Program, support::stub::Stub};

#[tokio::test]
async fn a_405_names_the_supported_methods() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    for (method, path, allowed) in [
        ("DELETE", "/healthz", "GET"),
        ("DELETE", "/api/session", "GET"),
        ("GET", "/api/login", "POST"),
        ("DELETE", "/login", "GET"),
        ("TRACE", "/api/proxy/notes", "POST"),
    ] {
        let mut browser = server.browser();
        let response = browser.send(browser.request(method.parse().unwrap(), path)).await;
        assert_eq!(response.status, 405, "{method} {path}: {response:?}");
        // RFC 9110 §15.5.6.
        let allow = response.headers["allow"].to_str().unwrap();
        let names: Vec<&str> = allow.split(',').map(str::trim).collect();
        assert!(names.contains(&allowed) && !names.contains(&method), "{method} {path}: {allow}");
    }
    assert!(stub.memory().seen.is_empty());
}
