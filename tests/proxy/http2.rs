//! What an upstream may do to HTTP/2.

use axum::http::{Response, StatusCode};
use bytes::Bytes;
use tokio::net::TcpListener;
use vestibule::config::proxy::Protocol;

use crate::{
    client::{get, open, read, send},
    front::Front,
};

/// A front before an upstream that sends half of each answer and ends its stream as if that were all.
async fn halving(length: Option<usize>) -> Front {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut answer))) = connection.accept().await {
                    let mut head = Response::builder();
                    if let Some(length) = length {
                        head = head.header("content-length", length);
                    }
                    let mut body = answer.send_response(head.body(()).unwrap(), false).unwrap();
                    body.send_data(Bytes::from(vec![b'x'; 50]), false).unwrap();
                    tokio::spawn(async move {
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        body.send_reset(h2::Reason::NO_ERROR);
                    });
                }
            });
        }
    });
    Front::with(&api, |setup| setup.config.protocol = Protocol::Http2).await
}

/// hyper takes the end of a stream that was reset so for the end of its body.
#[tokio::test]
async fn takes_no_half_answer_for_a_whole_one() {
    let answer = send(halving(Some(100)).await.address, get("/api/proxy/x")).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(!answer.problem().is_empty());
    for length in [Some(100_000), None] {
        let answer = open(halving(length).await.address, get("/api/proxy/x")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{length:?}");
        assert!(read(answer).await.is_err(), "{length:?}");
    }
}
