//! Getting a token into the page through a route of the API that issues one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde_json::{Value, json};

use crate::{
    api::serve,
    program::Program,
    support::{
        browser::{Answer, Browser},
        stub::PASSWORD,
    },
};

/// A JWT as the APIs of these tests issue it. It expires in 2096.
fn jwt(claims: &str, number: usize) -> String {
    const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
    let claims = format!("{{\"sub\":\"{claims}\",\"exp\":4000000000,\"jti\":{number}}}");
    format!("{HEADER}.{}.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg{number}", base64(claims.as_bytes()))
}

/// Base64url, as in JWTs (RFC 4648 §5).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(part.get(at).copied().unwrap_or(0)));
        for at in 0..=part.len() {
            text.push(char::from(LETTERS[bits >> (18 - 6 * at) & 63]));
        }
    }
    text
}

/// Asserts that nothing visible to a page contains a token, or anything like one.
fn assert_no_token(response: &Answer) {
    let cookies: Vec<_> = response.set_cookies();
    assert!(cookies.iter().all(|cookie| cookie.starts_with("vestibule")), "{response:?}");
    let fields: Vec<_> = response.headers.iter().filter(|(name, _)| *name != header::SET_COOKIE).collect();
    for text in [&response.body, &format!("{fields:?}")] {
        assert!(!text.contains("eyJ") && !text.contains("c2lnbmF0dXJl"), "{response:?}");
    }
}

async fn in_front_of(api: Router, contract: &[(&str, &str)]) -> Program {
    let url = serve(api).await;
    Program::with(&[&[("VESTIBULE_API__URL", url.as_str())], contract].concat()).await
}

async fn post_json(browser: &mut Browser, path: &str, body: &Value) -> Answer {
    browser.send(browser.request(Method::POST, path).json(body)).await
}

/// The session as the page sees it.
async fn session(browser: &mut Browser) -> Value {
    let response = browser.get("/api/session").await;
    assert_no_token(&response);
    response.json()
}

/// Issues a token for the right password, whatever follows the path, like `FeathersJS`.
async fn authenticate(Json(fields): Json<Value>) -> Response {
    if fields["password"] != PASSWORD {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let user = json!({"id": 1, "email": fields["email"]});
    (StatusCode::CREATED, Json(json!({"accessToken": jwt("1", 1), "user": user}))).into_response()
}

fn feathers() -> Router {
    Router::new()
        .route("/authentication", post(authenticate))
        .route("/authentication/{*id}", post(authenticate))
        .route("/socket.io/", any(async || Json(json!({"accessToken": jwt("1", 1)}))))
        .fallback(any(async || "harmless"))
}

fn credentials(password: &str) -> Value {
    json!({"strategy": "local", "email": "ada@example.com", "password": password})
}

#[tokio::test]
async fn a_path_below_the_login_returns_no_token() {
    let server = in_front_of(feathers(), &[("VESTIBULE_API__CONTRACT", "feathers")]).await;
    let mut browser = server.browser();
    for below in [
        "/x",
        "//x",
        "/x/y",
        "%2fx",
        "%252fx",
        ";a/x",
        "/;a/x",
        ".json/x",
        "/x;a=%2Fb",
        "/x?a=b",
        "%20/x",
        "/1%2e",
        "/%ff",
    ] {
        for name in ["/authentication", "/Authentication", "/%61uthentication", "/authentication;x=%2Fy"] {
            let path = format!("/api/proxy{name}{below}");
            let response = post_json(&mut browser, &path, &credentials(PASSWORD)).await;
            assert!([404, 400].contains(&response.status.as_u16()), "{path}: {response:?}");
            assert_no_token(&response);
        }
    }
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn guesses_below_the_login_do_not_reach_the_api() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let api = feathers().layer(axum::middleware::map_request(move |request: Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(request)
    }));
    let server = in_front_of(api, &[("VESTIBULE_API__CONTRACT", "feathers")]).await;
    let mut browser = server.browser();
    for number in 0..40 {
        let path = format!("/api/proxy/authentication/{number}");
        assert_eq!(post_json(&mut browser, &path, &credentials("wrong")).await.status, 404);
    }
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn another_route_to_the_same_server_does_not_reach_the_login() {
    let url = serve(feathers()).await;
    let port = url.rsplit_once(':').unwrap().1;
    let route = |prefix: &str, upstream: &str| format!("{{prefix=\"{prefix}\", upstream=\"{upstream}\"}}");
    let routes = [
        route("/deep", &format!("http://localhost:{port}/authentication")),
        route("/deeper", &format!("{url}/authentication/x")),
        route("/whole", &format!("{url}/")),
    ];
    let server = Program::with(&[
        ("VESTIBULE_API__URL", &url),
        ("VESTIBULE_API__CONTRACT", "feathers"),
        ("VESTIBULE_PROXY__ROUTES", &format!("[{}]", routes.join(", "))),
    ])
    .await;
    let mut browser = server.browser();
    for path in ["/deep/x", "/deeper", "/deeper/y", "/whole/authentication/x", "/whole/socket.io/", "/whole/Socket.IO/"]
    {
        let response = post_json(&mut browser, &format!("/api/proxy{path}"), &credentials(PASSWORD)).await;
        assert_eq!(response.status, 404, "{path}: {response:?}");
    }
    for path in ["/deep", "/whole/authentication"] {
        let response = post_json(&mut browser, &format!("/api/proxy{path}"), &credentials(PASSWORD)).await;
        assert_eq!(response.status, 200, "{path}: {response:?}");
        assert_no_token(&response);
    }
    assert_eq!(browser.get("/api/proxy/whole/notes").await.body, "harmless");
}

#[tokio::test]
async fn another_method_does_not_reach_the_login() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let api = Router::new().fallback(move |headers: HeaderMap| {
        noted.lock().unwrap().push(headers);
        std::future::ready("harmless")
    });
    let server = in_front_of(api, &[]).await;
    let mut browser = server.browser();
    let names = ["x-http-method-override", "x-http-method", "x-method-override", "x_http_method_override"];
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE, Method::from_bytes(b"post").unwrap()] {
        for name in names {
            let request = browser.request(method.clone(), "/api/proxy/auth/login").header(name, "POST");
            assert_eq!(browser.send(request).await.status, 404, "{method} {name}");
            // The signup path has other uses: there, the API must see the method that was checked.
            let request = browser.request(method.clone(), "/api/proxy/users").header(name, "POST");
            let response = browser.send(request).await;
            assert_eq!(response.status, if method == "post" { 404 } else { 200 }, "{method} {name}");
        }
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4 * names.len());
    assert!(seen.iter().all(|headers| names.iter().all(|name| !headers.contains_key(*name))));
}

#[tokio::test]
async fn a_login_through_socket_io_is_blocked() {
    let server = in_front_of(feathers(), &[("VESTIBULE_API__CONTRACT", "feathers")]).await;
    let mut browser = server.browser();
    for path in ["/socket.io/?EIO=4&transport=polling", "/Socket.io/?EIO=4", "/socket%2eio", "/primus", "/primus/1/x"] {
        for method in [Method::GET, Method::POST] {
            let path = format!("/api/proxy{path}");
            let response = browser.send(browser.request(method, &path)).await;
            assert_eq!(response.status, 404, "{path}: {response:?}");
        }
    }
    let handshake = browser
        .request(Method::GET, "/api/proxy/socket.io/?EIO=4&transport=websocket")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(browser.send(handshake).await.status, 404);
    assert_eq!(browser.get("/api/proxy/socket.iox").await.body, "harmless");
}

/// The demo contract with additional keys, as a setting.
fn demo_with(more: &str) -> String {
    format!("{{preset=\"demo\", {more}}}")
}

/// An API whose registration and reset of a password response tokens.
fn registering() -> Router {
    let issued = async |number| {
        let user = json!({"id": 7, "email": "grace@example.com", "token": jwt("7", number)});
        let headers = [("authorization", format!("Bearer {}", jwt("7", number))), ("set-cookie", "at=1".into())];
        let body = json!({
            "access_token": jwt("7", number), "refresh_token": "refresh-0123456789abcdef", "user": user, "welcome": true,
        });
        (StatusCode::CREATED, headers, Json(body))
    };
    let whoami = async |headers: HeaderMap| headers.get("authorization").is_some().to_string();
    // Ignores case and whatever follows the path.
    let lenient = move |method: Method, uri: axum::http::Uri| {
        let is_list = method == Method::GET && uri.path() == "/users";
        let number = uri.path().len();
        async move { if is_list { "users".into_response() } else { issued(number).await.into_response() } }
    };
    Router::new().route("/whoami", get(whoami)).fallback(lenient)
}

#[tokio::test]
async fn a_token_in_a_registration_response_goes_into_the_session() {
    let server = in_front_of(registering(), &[]).await;
    let mut grace = server.browser();
    let response = post_json(&mut grace, "/api/proxy/users", &json!({"email": "grace@example.com"})).await;
    assert_eq!(response.status, 201, "{response:?}");
    assert_no_token(&response);
    assert_eq!(response.json(), json!({"user": {"id": 7, "email": "grace@example.com"}, "welcome": true}));
    assert_eq!(response.headers["cache-control"], "private, no-store");
    let session = session(&mut grace).await;
    assert_eq!((&session["loggedIn"], &session["user"]["id"]), (&json!(true), &json!(7)), "{session}");
    assert_eq!(grace.get("/api/proxy/whoami").await.body, "true", "the token goes to the API");
    assert_eq!(post_json(&mut grace, "/api/proxy/users/1", &json!({})).await.status, 404);
    assert_eq!(grace.get("/api/proxy/users").await.body, "users");
}

#[tokio::test]
async fn a_token_of_a_token_route_goes_into_the_session() {
    let contract = demo_with("token_routes=[{path=\"/auth/reset-password\"}]");
    let server = in_front_of(registering(), &[("VESTIBULE_API__CONTRACT", &contract)]).await;
    let mut grace = server.browser();
    let planted = grace.cookies.clone();
    for path in ["/auth/reset-password", "/auth/Reset-Password/", "/auth%2freset-password"] {
        grace.cookies.clone_from(&planted);
        let response = post_json(&mut grace, &format!("/api/proxy{path}"), &json!({"code": "1"})).await;
        assert_eq!(response.status, 201, "{response:?}");
        assert_no_token(&response);
        assert_eq!(session(&mut grace).await["user"]["id"], 7, "{path}");
    }
    for method in [Method::GET, Method::PUT] {
        let request = grace.request(method, "/api/proxy/auth/reset-password");
        assert_eq!(grace.send(request).await.status, 404);
    }
    for path in ["/auth/reset-password/x", "/auth/reset-password;a/x", "/auth/reset-password//x"] {
        let response = post_json(&mut grace, &format!("/api/proxy{path}"), &json!({})).await;
        assert_eq!(response.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_token_route_without_a_usable_token_logs_no_user_in() {
    let refused = async || (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"access_token": null, "detail": "taken"})));
    let strange = async || Json(json!({"access_token": {"not": "a text"}}));
    let packed = async || ([("content-encoding", "br")], "no matter");
    let endless = async || "x".repeat(2 << 20);
    let api = Router::new()
        .route("/users", post(refused))
        .route("/a", post(strange))
        .route("/b", post(packed))
        .route("/c", post(endless))
        .route("/d", post(async || "done"));
    let contract = demo_with("token_routes=[{path=\"/a\"}, {path=\"/b\"}, {path=\"/c\"}, {path=\"/d\"}]");
    let server = in_front_of(api, &[("VESTIBULE_API__CONTRACT", &contract)]).await;
    let mut browser = server.browser();
    for (path, status) in [("/users", 422), ("/a", 502), ("/b", 502), ("/c", 502), ("/d", 200)] {
        let response = post_json(&mut browser, &format!("/api/proxy{path}"), &json!({})).await;
        assert_eq!(response.status, status, "{path}: {response:?}");
        assert!(response.set_cookies().is_empty());
    }
    let large = json!({"name": "x".repeat(2 << 20)});
    assert_eq!(post_json(&mut browser, "/api/proxy/users", &large).await.status, 413);
    assert_eq!(session(&mut browser).await["loggedIn"], false);
}

#[tokio::test]
async fn signups_through_the_proxy_are_counted() {
    let limit = ("VESTIBULE_LOGIN__SIGN_UPS_PER_MINUTE_PER_ADDRESS", "3");
    let server = in_front_of(registering(), &[limit]).await;
    let mut statuses = Vec::new();
    for path in ["/users", "/Users", "/users/", "/users?x", "/users;y"] {
        let mut browser = server.browser();
        statuses.push(post_json(&mut browser, &format!("/api/proxy{path}"), &json!({})).await.status.as_u16());
    }
    assert_eq!(statuses, [201, 201, 201, 429, 429]);
}

/// An API that returns the user with the token inside, as some APIs do.
fn token_in_user() -> Router {
    let user = || json!({"email": "ada@example.com", "token": jwt("1", 1), "nested": [{"again": jwt("1", 1)}]});
    let login = async move || Json(json!({"user": user()}));
    Router::new().route("/api/users/login", post(login)).route("/api/user", get(async || "x"))
}

#[tokio::test]
async fn a_token_inside_the_user_object_is_removed() {
    let contract = r#"{login={path="/api/users/login"}, tokens={access_token="/user/token"}, user={login="/user"}}"#;
    let server = in_front_of(token_in_user(), &[("VESTIBULE_API__CONTRACT", contract)]).await;
    let mut ada = server.browser();
    let fields = json!({"email": "ada@example.com", "password": PASSWORD});
    let response = post_json(&mut ada, "/api/proxy/api/users/login", &fields).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_no_token(&response);
    assert_eq!(response.json(), json!({"user": {"email": "ada@example.com", "nested": [{}]}}));
    assert_eq!(session(&mut ada).await["user"]["email"], "ada@example.com");
    let by_form = [("email", "ada@example.com"), ("password", PASSWORD), ("return_to", "/")];
    assert_no_token(&ada.post_form("/api/login", &by_form).await);
    let page = ada.get("/account").await;
    assert!(page.status == 200 && !page.body.contains("c2lnbmF0dXJl"), "{page:?}");
    assert!(server.stop().await.contains("left tokens out of the user"));
}

/// An API that accepts each token once, and returns the next one in a header.
fn rotating() -> Router {
    let current = Arc::new(AtomicUsize::new(1));
    let login =
        async || Json(json!({"access_token": jwt("1", 1), "expires_in": 600, "user": {"email": "ada@example.com"}}));
    let rotate = move |headers: HeaderMap| {
        let sent = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let number = current.load(Ordering::SeqCst);
        if sent != format!("Bearer {}", jwt("1", number)) {
            return std::future::ready(StatusCode::UNAUTHORIZED.into_response());
        }
        current.store(number + 1, Ordering::SeqCst);
        let next = [("authorization", format!("Bearer {}", jwt("1", number + 1)))];
        std::future::ready((next, number.to_string()).into_response())
    };
    Router::new().route("/auth/login", post(login)).route("/whoami", get(rotate))
}

#[tokio::test]
async fn a_rotated_token_goes_only_into_the_session() {
    let contract = demo_with("tokens={rolled={header=\"authorization\"}}");
    let server = in_front_of(rotating(), &[("VESTIBULE_API__CONTRACT", &contract)]).await;
    let mut ada = server.logged_in("ada@example.com").await;
    for number in 1..=5 {
        let response = ada.get("/api/proxy/whoami").await;
        assert_eq!(
            (response.status.as_u16(), response.body.as_str()),
            (200, number.to_string().as_str()),
            "{response:?}"
        );
        assert_no_token(&response);
        assert!(!response.headers.contains_key("authorization"));
    }
    assert_eq!(session(&mut ada).await["loggedIn"], true);
}

#[tokio::test]
async fn a_redirect_of_the_api_leads_to_no_page_of_this_server() {
    let redirect = async |request: Request| {
        let to = request.uri().query().unwrap().to_owned();
        (StatusCode::FOUND, [("location", to.clone()), ("content-location", to), ("refresh", "0; url=/login".into())])
    };
    let server = in_front_of(Router::new().fallback(redirect), &[]).await;
    let mut browser = server.browser();
    for to in [
        "/../../login?x",
        "/a/../../../login",
        "/%2e%2e/%2E%2e/login",
        "/..%2f..%2flogin",
        "../../../login",
        "..;/..;/login",
        "//login/..",
    ] {
        let response = browser.get(&format!("/api/proxy/x?{to}")).await;
        assert_eq!(response.status, 302);
        for name in ["location", "content-location"] {
            let Some(location) = response.headers.get(name) else { continue };
            let here = url::Url::parse(&server.origin).unwrap().join("/api/proxy/x").unwrap();
            let target = here.join(location.to_str().unwrap()).unwrap();
            let elsewhere = target.origin() != here.origin();
            assert!(elsewhere || target.path().starts_with("/api/proxy/"), "{to}: {target}");
        }
        assert!(!response.headers.contains_key("refresh"));
    }
}
