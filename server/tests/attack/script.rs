//! Injecting a script into the page.

use axum::{
    Router,
    http::{HeaderMap, header},
    routing::any,
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use reqwest::Method;

use crate::{
    api,
    markup::{attribute, scripts},
    program::Program,
    support::{
        browser::{Answer, Browser},
        stub::{PASSWORD, Stub},
    },
};

/// Text that a link may pass to the login page and that ends a string, an element or a statement of a script.
const PIECES: [&str; 12] = [
    "');alert(document.domain)//",
    "</script>",
    "<script>",
    "<!--",
    "\"",
    "'",
    "`${x}`",
    "&quot;",
    "\\u0027",
    "%27",
    "a",
    "/",
];

/// Logs in like a browser without JavaScript, which gets a page.
async fn log_in(browser: &mut Browser, return_to: &str, typed: &str) -> Answer {
    let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("return_to", return_to), ("typed", typed)];
    let request = browser.request(Method::POST, "/api/login").header("accept", "text/html").form(&fields);
    browser.send(request).await
}

#[tokio::test]
async fn a_link_to_the_login_page_runs_a_script_after_the_login() {
    let server = Program::start(&Stub::start().await).await;
    let mut browser = server.browser();
    let hostile = "/?x=');alert(document.domain)//";
    let page = browser.get("/login?return_to=/%3Fx%3D');alert(document.domain)//&typed=%5B%5D").await;
    assert!(page.body.contains("<input type=\"hidden\" name=\"typed\" value=\"\">"), "{}", page.body);

    let usual = scripts(&browser.get("/login").await.body);
    let page = log_in(&mut browser, hostile, "[]").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(attribute(&page.body, "data-address").as_deref(), Some(hostile));
    assert_eq!(scripts(&page.body), usual);
}

#[tokio::test]
async fn a_failed_login_puts_saved_input_into_the_url() {
    let server = Program::start(&Stub::start().await).await;
    let browser = server.browser();
    let fields = [("email", "a"), ("password", "wrong"), ("return_to", "/notes"), ("typed", "[[\"body\",\"kept\"]]")];
    let request = browser.request(Method::POST, "/api/login").header("accept", "text/html").form(&fields);
    let page = browser.clone().send(request).await;
    assert_eq!(page.status, 401, "{page:?}");
    assert!(!attribute(&page.body, "data-address").unwrap().contains("typed"));
    assert!(page.body.contains("value=\"[[&quot;body&quot;,&quot;kept&quot;]]\""), "{}", page.body);
}

/// For any return path and any saved input, the scripts of the page are the same.
#[test]
fn some_way_back_or_some_field_changes_a_script() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (server, usual) = runtime.block_on(async {
        let url = Stub::start().await.url();
        let unlimited = ("VESTIBULE_LOGIN__ATTEMPTS_PER_MINUTE_PER_ACCOUNT", "0");
        let server = Program::with(&[("VESTIBULE_API__URL", &url), unlimited]).await;
        let usual = scripts(&server.browser().get("/login").await.body);
        (server, usual)
    });
    assert!(usual.len() >= 2, "{usual:?}");
    let text = || prop_oneof![proptest::sample::select(&PIECES[..]).prop_map(str::to_owned), "[!-~]{0,6}"];
    let path = vec(text(), 1..4).prop_map(|pieces| format!("/?q={}", pieces.concat()));
    let typed = vec((text(), vec(text(), 0..3).prop_map(|pieces| pieces.concat())), 0..3);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&(path, typed), |(path, typed)| {
        let typed = serde_json::to_string(&typed).unwrap();
        let page = runtime.block_on(async { log_in(&mut server.browser(), &path, &typed).await });
        // A path that no page can have gets a redirect, which has no scripts.
        if page.status != 303 {
            prop_assert_eq!(&scripts(&page.body), &usual, "{} {}", path, typed);
        }
        Ok(())
    });
    outcome.unwrap();
}

#[tokio::test]
async fn data_of_the_api_runs_in_the_page_that_shows_it() {
    let hostile = "</script><script>alert(1)</script><!--<script>\u{2028}'\"";
    let login = serde_json::json!({"access_token": "eyJhbGciOiJIUzI1NiJ9.e30.x", "expires_in": 900,
        "user": {"id": 1, "email": "ada@example.com", "name": hostile}});
    let stub = Stub::start().await;
    stub.memory().login_answer = Some((axum::http::StatusCode::OK, "application/json".to_owned(), login.to_string()));
    let server = Program::start(&stub).await;
    let mut ada = server.logged_in("ada@example.com").await;
    let page = ada.get("/").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("handed-over-"), "the user is in the page: {}", page.body);
    assert!(page.body.contains("\\u003c/script>"), "{}", page.body);
    assert_eq!(scripts(&page.body), scripts(&server.browser().get("/login").await.body));
}

/// An API whose users share files, one of which is served as a script.
async fn files() -> String {
    let file = async |headers: HeaderMap| {
        let kind = headers.get("x-kind").cloned().unwrap_or_else(|| "text/javascript".parse().unwrap());
        ([(header::CONTENT_TYPE, kind)], "alert(document.domain)")
    };
    api::serve(Router::new().fallback(any(file))).await
}

#[tokio::test]
async fn an_uploaded_file_is_loaded_as_code() {
    let server = Program::with(&[("VESTIBULE_API__URL", &files().await)]).await;
    let browser = server.browser();
    let fetch = async |name: &str, value: &str| {
        let request = browser.request(Method::GET, "/api/proxy/files/1.js").header(name, value);
        browser.clone().send(request).await
    };
    let rare = ["audioworklet", "paintworklet", "xslt", "json", "unheard-of"];
    for destination in
        ["script", "style", "worker", "sharedworker", "serviceworker", "manifest"].into_iter().chain(rare)
    {
        let response = fetch("sec-fetch-dest", destination).await;
        assert_eq!(response.status, 403, "{destination}: {response:?}");
        assert_eq!(response.headers["content-type"], "application/problem+json");
        assert!(!response.body.contains("alert"), "{response:?}");
    }
    assert_eq!(fetch("service-worker", "script").await.status, 403);
    for destination in ["empty", "image", "document"] {
        let response = fetch("sec-fetch-dest", destination).await;
        assert_eq!(response.status, 200, "{destination}: {response:?}");
        assert!(response.headers["content-security-policy"].to_str().unwrap().starts_with("sandbox"), "{response:?}");
    }
}

/// No page loads code from the API's URLs.
#[tokio::test]
async fn injected_html_loads_code_from_the_api() {
    let server = Program::start(&Stub::start().await).await;
    let mut browser = server.browser();
    for path in ["/", "/login", "/signup", "/no-such-page"] {
        let policy = policy(&browser.get(path).await);
        for directive in ["script-src", "style-src"] {
            let sources = sources(&policy, directive);
            let package = format!("{}/pkg/", server.origin);
            let harmless = ["'strict-dynamic'", "'wasm-unsafe-eval'", &package];
            let is_harmless = |source: &&str| source.starts_with("'nonce-") || harmless.contains(source);
            assert!(sources.len() >= 2 && sources.iter().all(is_harmless), "{policy}");
        }
        for directive in ["default-src", "worker-src", "object-src", "base-uri", "frame-src", "frame-ancestors"] {
            assert_eq!(sources(&policy, directive), ["'none'"], "{policy}");
        }
        let manifest = format!("{}/manifest.webmanifest", server.origin);
        assert_eq!(sources(&policy, "manifest-src"), [manifest.as_str()]);
        assert_eq!(sources(&policy, "require-trusted-types-for"), ["'script'"]);
        assert_eq!(sources(&policy, "trusted-types"), ["default"]);
    }
    let nonces: Vec<_> = [policy(&browser.get("/").await), policy(&browser.get("/").await)].into();
    assert_ne!(nonces[0], nonces[1], "a nonce is used once");
}

#[tokio::test]
async fn a_setting_opens_more_than_it_says() {
    let stub = Stub::start().await;
    let url = stub.url();
    let server = Program::with(&[
        ("VESTIBULE_API__URL", &url),
        ("VESTIBULE_CSP__IMG_SRC", "https://files.example, https://*.s3.example"),
        ("VESTIBULE_CSP__FORM_ACTION", "https://pay.example"),
    ])
    .await;
    let policy = policy(&server.browser().get("/").await);
    assert_eq!(
        sources(&policy, "img-src"),
        ["'self'", "data:", "blob:", "https://files.example", "https://*.s3.example"]
    );
    assert_eq!(sources(&policy, "form-action"), ["'self'", "https://pay.example"]);
    assert_eq!(sources(&policy, "connect-src"), ["'self'"]);
    for wrong in ["https://a.example; script-src *", "'unsafe-inline'", "*"] {
        let variables = [("VESTIBULE_API__URL", url.as_str()), ("VESTIBULE_CSP__IMG_SRC", wrong)];
        let output = crate::program::run(&["check"], &variables);
        assert!(!output.status.success(), "{wrong}");
    }
}

#[tokio::test]
async fn another_site_reads_or_embeds_what_a_link_may_open() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let ada = server.logged_in("ada@example.com").await;
    let fetch = async |method: Method, mode: &str, destination: &str| {
        let cookies: Vec<_> = ada.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = reqwest::Client::new().request(method, format!("{}/api/proxy/report.pdf", server.origin));
        let request = request.header("sec-fetch-site", "cross-site").header("cookie", cookies.join("; "));
        let request = request.header("sec-fetch-mode", mode).header("sec-fetch-dest", destination);
        let response = request.header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, body) = fetch(Method::GET, "navigate", "document").await;
    assert_eq!(status, 200, "a link from an email works: {body}");
    assert!(body.contains("ada@example.com"), "with the session: {body}");
    for (method, mode, destination) in [
        (Method::GET, "cors", "empty"),
        (Method::GET, "no-cors", "image"),
        (Method::GET, "navigate", "iframe"),
        (Method::GET, "navigate", "object"),
        (Method::POST, "navigate", "document"),
    ] {
        let (status, body) = fetch(method, mode, destination).await;
        assert_eq!(status, 403, "{mode} {destination}: {body}");
        assert!(body.contains("<h1>This is not allowed") && !body.contains("ada@"), "the user sees a page: {body}");
    }
    assert_eq!(stub.memory().seen.len(), 1);
}

fn policy(page: &Answer) -> String {
    page.headers["content-security-policy"].to_str().unwrap().to_owned()
}

fn sources<'a>(policy: &'a str, directive: &str) -> Vec<&'a str> {
    let mut directives = policy.split(';').map(|directive| directive.split_whitespace());
    directives.find_map(|mut words| (words.next() == Some(directive)).then(|| words.collect())).unwrap_or_default()
}
