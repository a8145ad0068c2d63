//! Any `Cookie` header: the answer is 200, and nobody is logged in.

use std::sync::LazyLock;

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, header},
    routing::get,
};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;
use vestibule::{Vestibule, config::Config, secret::Secret, session::Session};

static APP: LazyLock<Router> = LazyLock::new(|| {
    let mut config = Config::new("http://127.0.0.1:3000".parse().unwrap());
    config.api.url = Some("http://127.0.0.1:4000".parse().unwrap());
    config.session.keys = vec![Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")];
    let vestibule = Vestibule::new(config).unwrap();
    let who = async |session: Session| if session.is_logged_in() { "somebody" } else { "nobody" };
    vestibule.guard(Router::new().route("/", get(who)))
});
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().enable_all().build().unwrap());

/// Panics when the bytes, as the header or as the value of the session's own cookie, do anything else.
pub fn holds(data: &[u8]) {
    for bytes in [data.to_vec(), [b"vestibule=", data].concat()] {
        let Ok(cookie) = HeaderValue::from_bytes(&bytes) else { continue };
        let request = Request::get("/").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        let response = RUNTIME.block_on(APP.clone().oneshot(request)).unwrap();
        assert_eq!(response.status(), 200);
        let body = RUNTIME.block_on(axum::body::to_bytes(response.into_body(), 100)).unwrap();
        assert_eq!(&body[..], b"nobody");
    }
}
