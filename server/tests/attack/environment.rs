//! Proxy settings in environment variables.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::Router;

use crate::{api, program::Program, support::stub::Stub};

/// A machine's environment often sets a proxy for all programs. That proxy would see every password and token.
#[tokio::test]
async fn a_proxy_of_the_environment_reads_no_password_and_no_token() {
    let calls = Arc::<AtomicUsize>::default();
    let seen = Arc::clone(&calls);
    let trap = api::serve(Router::new().fallback(move || {
        seen.fetch_add(1, Ordering::Relaxed);
        async { "" }
    }));
    let trap = trap.await;
    let stub = Stub::start().await;
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let mut variables: Vec<(&str, &str)> = names.iter().map(|name| (*name, trap.as_str())).collect();
    let url = stub.url();
    variables.push(("VESTIBULE_API__URL", &url));
    let program = Program::with(&variables).await;
    let mut browser = program.logged_in("ada@example.com").await;
    assert_eq!(browser.get("/api/proxy/notes").await.status, 200);
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}
