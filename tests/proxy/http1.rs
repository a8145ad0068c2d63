//! What an upstream may do to HTTP/1.1, by bytes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, http::StatusCode};
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::{
    client::{get, request, send},
    front::Front,
    stub::{raw, read_head},
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const EVIL: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";

/// A front before an upstream that answers each request on a connection with these bytes.
async fn answering(answer: &'static [u8]) -> Front {
    let upstream = raw(move |_, mut stream| async move {
        while read_head(&mut stream).await.is_some() {
            stream.write_all(answer).await.unwrap();
        }
    })
    .await;
    Front::to(&format!("http://{upstream}")).await
}

#[tokio::test]
async fn refuses_answers_that_could_be_read_in_two_ways() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nx y: z\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nx: y\r\n z\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2x\r\nab\r\n0\r\n\r\n",
        b"220 mail.example ESMTP\r\n\r\n",
    ] {
        let front = answering(answer).await;
        let answered = send(front.address, get("/api/proxy/x")).await;
        assert_eq!(answered.status, StatusCode::BAD_GATEWAY, "{}", String::from_utf8_lossy(answer));
        assert!(!answered.problem().is_empty());
    }
}

/// RFC 9112 §6.3: the chunks count, and the length does not go on.
#[tokio::test]
async fn takes_the_encoding_rather_than_the_length() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let front = answering(answer).await;
    for _ in 0..2 {
        let answered = send(front.address, get("/api/proxy/x")).await;
        assert_eq!((answered.status, answered.body.as_ref()), (StatusCode::OK, &b"abc"[..]));
        assert_ne!(answered.all("content-length"), ["1"]);
    }
}

#[tokio::test]
async fn passes_interim_answers_over() {
    let answer =
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 204 No\r\n\r\n";
    let front = answering(answer).await;
    for _ in 0..2 {
        assert_eq!(send(front.address, get("/api/proxy/x")).await.status, StatusCode::NO_CONTENT);
    }
}

/// What comes without having been asked for is nobody's answer, whether it comes at once or later.
#[tokio::test]
async fn takes_no_answer_that_nobody_asked_for() {
    for wait in [0, 50] {
        let upstream = raw(move |_, mut stream| async move {
            while read_head(&mut stream).await.is_some() {
                stream.write_all(OK).await.unwrap();
                sleep(Duration::from_millis(wait)).await;
                stream.write_all(EVIL).await.ok();
            }
        })
        .await;
        let front = Front::to(&format!("http://{upstream}")).await;
        for method in ["GET", "POST", "GET"] {
            let answer = send(front.address, request(method, "/api/proxy/x").body(Body::empty()).unwrap()).await;
            assert_eq!(answer.body, "ok", "{method} {wait}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Else sockets that the upstream has closed would pile up until somebody asks for something.
#[tokio::test]
async fn closes_unused_connections_that_the_upstream_has_closed() {
    let (closed, gone) = oneshot::channel();
    let closed = Arc::new(std::sync::Mutex::new(Some(closed)));
    let upstream = raw(move |_, mut stream: TcpStream| {
        let closed = closed.lock().unwrap().take();
        async move {
            read_head(&mut stream).await.unwrap();
            stream.write_all(OK).await.unwrap();
            stream.shutdown().await.unwrap();
            let left = stream.read_to_end(&mut Vec::new()).await.unwrap();
            closed.unwrap().send(left).unwrap();
        }
    })
    .await;
    let front = Front::to(&format!("http://{upstream}")).await;
    assert_eq!(send(front.address, get("/api/proxy/x")).await.body, "ok");
    assert_eq!(timeout(Duration::from_secs(10), gone).await.unwrap().unwrap(), 0);
}

const ANSWER: usize = 24 << 20;
const UPLOAD: usize = 24 << 20;

/// A client that sends everything before it reads anything, and an upstream that answers first: the answer, which
/// nobody reads, does not keep the request from being sent.
#[tokio::test]
async fn sends_the_rest_of_a_request_whose_answer_is_not_read_yet() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let upstream = raw(move |_, mut stream| {
        let taken = Arc::clone(&counter);
        async move {
            read_head(&mut stream).await.unwrap();
            let (mut from, mut to) = stream.split();
            let answer = async {
                to.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {ANSWER}\r\n\r\n").as_bytes()).await.unwrap();
                to.write_all(&vec![b'a'; ANSWER]).await.unwrap();
            };
            let take = async {
                let mut buffer = vec![0; 64 << 10];
                while taken.load(Ordering::SeqCst) < UPLOAD {
                    let read = from.read(&mut buffer).await.unwrap();
                    taken.fetch_add(read, Ordering::SeqCst);
                }
            };
            tokio::join!(answer, take);
            // The connection is as good as new.
            read_head(&mut stream).await.unwrap();
            stream.write_all(OK).await.unwrap();
            read_head(&mut stream).await;
        }
    })
    .await;
    let front = Front::to(&format!("http://{upstream}")).await;
    let mut client = TcpStream::connect(front.address).await.unwrap();
    let head = format!(
        "POST /api/proxy/x HTTP/1.1\r\nhost: app.example\r\nsec-fetch-site: same-origin\r\ncontent-length: {UPLOAD}\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&Bytes::from(vec![b'u'; UPLOAD])).await.unwrap();
    while taken.load(Ordering::SeqCst) < UPLOAD {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(read_head(&mut client).await.unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    let mut body = vec![0; ANSWER];
    client.read_exact(&mut body).await.unwrap();
    assert!(body.iter().all(|byte| *byte == b'a'));
    assert_eq!(send(front.address, get("/api/proxy/x")).await.body, "ok");
}

/// A front before an upstream that notes all that comes, each connection by itself, and answers nothing by itself.
/// With `early` that comes at once.
async fn noting(early: &'static [u8]) -> (Front, Arc<Mutex<Vec<String>>>) {
    let notes: Arc<Mutex<Vec<String>>> = Arc::default();
    let all = Arc::clone(&notes);
    let upstream = raw(move |number, mut stream| {
        let notes = Arc::clone(&all);
        async move {
            notes.lock().unwrap().push(String::new());
            let head = read_head(&mut stream).await.unwrap();
            notes.lock().unwrap()[number].push_str(&head);
            stream.write_all(early).await.unwrap();
            let mut buffer = [0; 1024];
            while let Ok(read) = stream.read(&mut buffer).await {
                let end = if read == 0 { "(end)".into() } else { String::from_utf8_lossy(&buffer[..read]) };
                notes.lock().unwrap()[number].push_str(&end);
                if read == 0 {
                    return;
                }
            }
            notes.lock().unwrap()[number].push_str("(end)");
        }
    })
    .await;
    (Front::to(&format!("http://{upstream}")).await, notes)
}

/// Waits until the upstream has noted something.
async fn noted(notes: &Mutex<Vec<String>>, wanted: impl Fn(&[String]) -> bool) {
    for _ in 0..1000 {
        if wanted(&notes.lock().unwrap()) {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", notes.lock().unwrap());
}

/// Sends a request's beginning to the proxy and keeps the connection.
async fn begin(front: &Front, fields: &str, body: &str) -> TcpStream {
    let mut client = TcpStream::connect(front.address).await.unwrap();
    let head = "POST /api/proxy/x HTTP/1.1\r\nhost: app.example\r\nsec-fetch-site: same-origin\r\n";
    client.write_all(format!("{head}{fields}\r\n\r\n{body}").as_bytes()).await.unwrap();
    client
}

/// Else the body would be read as another request, with fields of the client's own.
#[tokio::test]
async fn says_the_length_that_it_sends_whatever_the_client_names() {
    let body = "GET /evil HTTP/1.1\r\nhost: x\r\nauthorization: Bearer mine\r\n\r\n";
    for named in ["content-length", "Content-Length, close", "transfer-encoding, content-length"] {
        let (front, notes) = noting(OK).await;
        let fields = format!("connection: {named}\r\ncontent-length: {}", body.len());
        let mut client = begin(&front, &fields, body).await;
        assert!(read_head(&mut client).await.unwrap().starts_with("HTTP/1.1 200 OK\r\n"), "{named}");
        noted(&notes, |notes| notes[0].ends_with(body)).await;
        let length = format!("\r\ncontent-length: {}\r\n", body.len());
        assert_eq!(notes.lock().unwrap()[0].matches(&length).count(), 1, "{named}");
    }
}

/// The upstream still waits for the rest: what the connection carried next, it would take for that.
#[tokio::test]
async fn uses_no_connection_again_on_which_a_request_broke_off() {
    for (fields, body) in [("content-length: 100", "half"), ("transfer-encoding: chunked", "4\r\nhalf\r\n")] {
        // Some of the answer at once, the rest never: the client goes away while both directions are open.
        let (front, notes) = noting(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nbegun").await;
        let mut client = begin(&front, fields, body).await;
        let head = read_head(&mut client).await.unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{fields}: {head}");
        client.shutdown().await.unwrap();
        noted(&notes, |notes| notes[0].contains("half")).await;
        drop(client);
        noted(&notes, |notes| notes[0].ends_with("(end)")).await;
        let notes = notes.lock().unwrap().join("");
        assert!(!notes.contains("\r\n0\r\n") && notes.matches(" HTTP/1.1").count() == 1, "{notes}");
    }
}

/// A body that is broken from its beginning on is nobody's to send, over this connection or another.
#[tokio::test]
async fn sends_no_body_that_is_broken() {
    let (front, notes) = noting(b"").await;
    let mut client = begin(&front, "transfer-encoding: chunked", "no chunk\r\n").await;
    // hyper ends the connection of a client that sends none.
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.ok();
    assert!(!answer.contains(" 200 "), "{answer}");
    sleep(Duration::from_millis(100)).await;
    let notes = notes.lock().unwrap();
    assert!(!notes.concat().contains("\r\n0\r\n") && notes.concat().matches("POST").count() <= 1, "{notes:?}");
}

/// The client is gone, the upstream says nothing more, and both directions were open: nothing stays.
#[tokio::test]
async fn closes_the_upstreams_connection_when_a_client_goes_amid_its_upload() {
    let (front, notes) = noting(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nbegun").await;
    let mut client = begin(&front, "content-length: 100", "half").await;
    read_head(&mut client).await.unwrap();
    noted(&notes, |notes| notes[0].contains("half")).await;
    drop(client);
    noted(&notes, |notes| notes[0].ends_with("(end)")).await;
}
