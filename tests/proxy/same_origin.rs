//! Requests that other sites cause.

use axum::{body::Body, http::StatusCode};
use http::Request;

use crate::{
    client::send,
    front::{Front, PUBLIC},
    stub::Stub,
};

#[tokio::test]
async fn refuses_cross_site_calls_before_the_upstream_hears_of_them() {
    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    let cookie = ("cookie", "__Host-vestibule=x");
    for (method, fields, allowed) in [
        ("POST", &[("sec-fetch-site", "cross-site")][..], false),
        ("POST", &[("sec-fetch-site", "same-site")], false),
        ("POST", &[("sec-fetch-site", "none")], false),
        ("DELETE", &[("origin", "https://evil.example")], false),
        ("PUT", &[("origin", "null"), cookie], false),
        ("PATCH", &[cookie], false),
        ("GET", &[("sec-fetch-site", "cross-site"), cookie], false),
        ("HEAD", &[("sec-fetch-site", "same-site")], false),
        ("OPTIONS", &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], false),
        ("GET", &[("origin", "https://evil.example")], false),
        ("POST", &[("sec-fetch-site", "same-origin"), cookie], true),
        ("POST", &[("origin", PUBLIC), cookie], true),
        ("POST", &[], true),
        ("GET", &[("sec-fetch-site", "none"), cookie], true),
        ("GET", &[cookie], true),
    ] {
        let mut request = Request::builder().method(method).uri("/api/proxy/notes").header("host", "app.example");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let answer = send(front.address, request.body(Body::empty()).unwrap()).await;
        let expected = if allowed { (StatusCode::OK, 1) } else { (StatusCode::FORBIDDEN, 0) };
        assert_eq!((answer.status, stub.take().len()), expected, "{method} {fields:?}");
        if !allowed && method != "HEAD" {
            answer.problem();
        }
    }
}
