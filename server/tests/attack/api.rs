//! An API defined by a test.

use axum::Router;
use tokio::net::TcpListener;

/// Serves `router` on a free port of 127.0.0.1 until the test's runtime ends, and returns its URL.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}
