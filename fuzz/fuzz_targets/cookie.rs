//! Any `Cookie` header: the answer is 200 and nobody is logged in.

#![no_main]

use std::sync::LazyLock;

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, header},
    routing::get,
};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;
use vestibule::{Vestibule, config::Config, secret::Secret, session::Session};

static APP: LazyLock<Router> = LazyLock::new(|| {
    let mut config = Config::new("http://127.0.0.1:3000".parse().expect("a URL"));
    config.api.url = Some("http://127.0.0.1:4000".parse().expect("a URL"));
    config.session.keys = vec![Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")];
    let vestibule = Vestibule::new(config).expect("a configuration");
    let who = async |session: Session| if session.is_logged_in() { "somebody" } else { "nobody" };
    vestibule.guard(Router::new().route("/", get(who)))
});
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

fuzz_target!(|data: &[u8]| {
    // As it comes, and as the value of the session's own cookie.
    for bytes in [data.to_vec(), [b"vestibule=", data].concat()] {
        let Ok(cookie) = HeaderValue::from_bytes(&bytes) else { continue };
        let request = Request::get("/").header(header::COOKIE, cookie).body(Body::empty()).expect("a request");
        let response = RUNTIME.block_on(APP.clone().oneshot(request)).expect("an answer");
        assert_eq!(response.status(), 200);
        let body = RUNTIME.block_on(axum::body::to_bytes(response.into_body(), 100)).expect("a body");
        assert_eq!(&body[..], b"nobody");
    }
});
