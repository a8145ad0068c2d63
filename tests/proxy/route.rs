//! Several APIs behind one proxy.

use axum::http::StatusCode;
use vestibule::config::proxy::{CachePolicy, RouteConfig, Seconds};

use crate::{
    client::{get, request, send},
    front::{Front, LOG_IN, TOKEN},
    stub::{Stub, with},
};

fn route(prefix: &str, upstream: &str) -> RouteConfig {
    RouteConfig::new(prefix, upstream.parse().unwrap())
}

#[tokio::test]
async fn leads_each_prefix_to_its_upstream_and_the_rest_to_the_api() {
    let (api, files, deep) = (Stub::start().await, Stub::start().await, Stub::start().await);
    let front = Front::with(&format!("{}/v1/", api.url()), |setup| {
        setup.config.routes =
            vec![route("/files", &format!("{}/store/", files.url())), route("/files/deep", &deep.url())];
    })
    .await;
    for (path, stub, target) in [
        ("", &api, "/v1"),
        ("/", &api, "/v1/"),
        ("?a=b", &api, "/v1?a=b"),
        ("/notes?a", &api, "/v1/notes?a"),
        ("/filesystem", &api, "/v1/filesystem"),
        ("/files", &files, "/store"),
        ("/files/", &files, "/store/"),
        ("/files/a.pdf?dl", &files, "/store/a.pdf?dl"),
        ("/files/deeper", &files, "/store/deeper"),
        ("/files/deep", &deep, "/"),
        ("/files/deep?x", &deep, "/?x"),
        ("/files/deep/x/", &deep, "/x/"),
    ] {
        let answer = send(front.address, get(&format!("/api/proxy{path}"))).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(stub.one().target, target, "{path}");
    }
    // Under another spelling it would slip past the rules of its route.
    assert_eq!(send(front.address, get("/api/proxy/f%69les/x")).await.status, StatusCode::BAD_REQUEST);
    assert!(api.take().is_empty() && files.take().is_empty());
}

#[tokio::test]
async fn gives_another_upstream_no_token_unless_told() {
    let (api, other) = (Stub::start().await, Stub::answering(|_| with(&[("cache-control", "max-age=9")], "x")).await);
    let front = Front::with(&api.url(), |setup| {
        let mut trusted = route("/trusted", &other.url());
        trusted.send_token = true;
        setup.config.routes = vec![route("/public", &other.url()), trusted];
    })
    .await;
    let answer = send(front.address, get("/api/proxy/public/x")).await;
    assert!(other.one().all("authorization").is_empty());
    assert_eq!(answer.header("cache-control"), "max-age=9");
    let answer = send(front.address, get("/api/proxy/trusted/x")).await;
    assert_eq!(other.one().all("authorization"), [format!("Bearer {TOKEN}")]);
    assert_eq!(answer.header("cache-control"), "private, no-store");
}

#[tokio::test]
async fn ends_no_session_for_a_401_without_the_token() {
    let (api, other) = (Stub::start().await, Stub::answering(|_| StatusCode::UNAUTHORIZED).await);
    let front = Front::with(&api.url(), |setup| setup.config.routes = vec![route("/other", &other.url())]).await;
    assert_eq!(send(front.address, get("/api/proxy/other")).await.status, StatusCode::UNAUTHORIZED);
    assert!(front.session.is_logged_in());
}

#[tokio::test]
async fn has_rules_of_its_own() {
    let (api, other) = (
        Stub::start().await,
        Stub::answering(|seen| {
            with(
                &[("cache-control", "max-age=9"), ("content-security-policy", "img-src *"), ("set-cookie", "lang=en")],
                seen.body,
            )
        })
        .await,
    );
    let front = Front::with(&api.url(), |setup| {
        let mut relaxed = route("/relaxed", &other.url());
        relaxed.send_token = true;
        relaxed.cache_control = Some(CachePolicy::Upstream);
        relaxed.response_csp = Some(String::new());
        relaxed.allow_set_cookie = Some(vec!["lang".into()]);
        relaxed.max_request_body = Some(3);
        relaxed.first_byte_timeout = Some(Seconds::whole(1));
        setup.config.routes = vec![relaxed];
    })
    .await;
    let answer = send(front.address, get("/api/proxy/relaxed")).await;
    assert_eq!(answer.header("cache-control"), "max-age=9");
    assert_eq!(answer.header("content-security-policy"), "img-src *");
    assert_eq!(answer.header("set-cookie"), "lang=en");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    for (path, expected) in [("/api/proxy/relaxed", StatusCode::PAYLOAD_TOO_LARGE), ("/api/proxy/x", StatusCode::OK)] {
        let answer = send(front.address, request("POST", path).body(axum::body::Body::from("1234")).unwrap()).await;
        assert_eq!(answer.status, expected, "{path}");
    }
}

/// A second way to the API's own server is no way around its token-issuing paths.
#[tokio::test]
async fn guards_token_issuing_paths_on_every_way_to_the_api() {
    let api = Stub::start().await;
    let front = Front::with(&format!("{}/v1", api.url()), |setup| {
        setup.config.routes = vec![route("/root", &api.url()), route("/auth", &format!("{}/v1/auth", api.url()))];
    })
    .await;
    let post = |path: &str| request("POST", path).body(axum::body::Body::from("{}")).unwrap();
    for (path, expected) in [
        ("/root/v1/auth/login", LOG_IN),
        ("/root/V1//auth/login/", LOG_IN),
        ("/auth/login", LOG_IN),
        ("/auth/refresh", StatusCode::NOT_FOUND),
        ("/root/v1/auth/refresh", StatusCode::NOT_FOUND),
        ("/root/auth/login", StatusCode::OK),
    ] {
        assert_eq!(send(front.address, post(&format!("/api/proxy{path}"))).await.status, expected, "{path}");
    }
    assert_eq!(api.one().target, "/auth/login");
}
