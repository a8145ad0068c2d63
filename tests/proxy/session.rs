//! What calls and answers mean for the session.

use axum::http::StatusCode;
use vestibule::{secret::Secret, session::Record};

use crate::{
    client::{get, request, send},
    front::{Front, LOG_IN, record},
    stub::Stub,
};

#[tokio::test]
async fn ends_the_session_when_its_token_is_refused() {
    let stub = Stub::answering(|_| (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")], "who?")).await;
    let front = Front::to(&stub.url()).await;
    let answer = send(front.address, get("/api/proxy/notes")).await;
    assert_eq!(
        (answer.status, answer.header("www-authenticate"), answer.body.as_ref()),
        (StatusCode::UNAUTHORIZED, "Bearer", &b"who?"[..])
    );
    assert!(!front.session.is_logged_in());
}

#[tokio::test]
async fn keeps_the_session_on_other_answers() {
    for status in
        [StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::BAD_GATEWAY, StatusCode::PROXY_AUTHENTICATION_REQUIRED]
    {
        let stub = Stub::answering(move |_| status).await;
        let front = Front::to(&stub.url()).await;
        send(front.address, get("/api/proxy/notes")).await;
        assert!(front.session.is_logged_in(), "{status}");
    }
}

/// A late 401 to an old token never ends a session that has a newer one.
#[tokio::test]
async fn keeps_a_session_that_has_a_newer_token_by_now() {
    let slow = crate::stub::raw(|_, mut stream| async move {
        use tokio::io::AsyncWriteExt;
        let head = crate::stub::read_head(&mut stream).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let newer = head.contains("a-newer-one");
        let status = if newer { "200 OK" } else { "401 Unauthorized" };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let front = Front::to(&format!("http://{slow}")).await;
    let call = tokio::spawn(send(front.address, get("/api/proxy/notes")));
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    front.session.replace(Record { access_token: Secret::new("a-newer-one"), ..record() });
    assert_eq!(call.await.unwrap().status, StatusCode::OK, "sent again with the newer token");
    assert!(front.session.is_logged_in());
}

#[tokio::test]
async fn passes_a_401_without_a_session() {
    let stub = Stub::answering(|_| StatusCode::UNAUTHORIZED).await;
    let front = Front::with(&stub.url(), |setup| setup.record = None).await;
    assert_eq!(send(front.address, get("/api/proxy/notes")).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn never_passes_a_token_issuing_path() {
    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    let post = |path: &str| request("POST", path).body(axum::body::Body::from("{}")).unwrap();
    for path in [
        "/auth/login",
        "/auth/login/",
        "/auth/login?x=1",
        "/Auth/LOGIN",
        "/%61uth/login",
        "/auth/log%69n",
        "/auth%2flogin",
        "/auth//login",
        "/auth/login;a",
        "/auth/login.json",
        "/auth/login%3Fx",
        "/auth/login%20",
    ] {
        assert_eq!(send(front.address, post(&format!("/api/proxy{path}"))).await.status, LOG_IN, "{path}");
        assert_eq!(
            send(front.address, get(&format!("/api/proxy{path}"))).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    for path in
        ["/auth/refresh", "/auth/refresh/", "/AUTH/refresh", "/auth/%72efresh", "/auth/refresh.json", "/auth;x/refresh"]
    {
        let answer = send(front.address, post(&format!("/api/proxy{path}"))).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        answer.problem();
    }
    assert!(stub.take().is_empty());
}
