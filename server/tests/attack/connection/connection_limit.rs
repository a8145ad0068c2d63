//! More connections than the limits allow.

use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::socket::{connect_from, is_served};
use crate::{program::Program, support::stub::Stub};

async fn open_silent(server: &Program, address: &str, count: usize) -> Vec<TcpStream> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.extend(connect_from(server, address).await.ok());
    }
    sockets
}

#[tokio::test]
async fn takes_all_connections_from_one_address() {
    let stub = Stub::start().await;
    let server = Program::with(&[
        ("VESTIBULE_API__URL", &stub.url()),
        ("VESTIBULE_SERVER__MAX_CONNECTIONS", "60"),
        ("VESTIBULE_SERVER__MAX_CONNECTIONS_PER_ADDRESS", "40"),
    ])
    .await;
    let held = open_silent(&server, "127.0.0.1", 300).await;
    assert!(!is_served(&server, "127.0.0.1").await, "the address is over its limit");
    for _ in 0..20 {
        assert!(is_served(&server, "127.0.0.2").await);
    }
    server.logged("max_connections_per_address").await;
    drop(held);
    for attempt in 0.. {
        if is_served(&server, "127.0.0.1").await {
            break;
        }
        assert!(attempt < 1_000, "closed connections still count");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn takes_all_connections_from_many_addresses() {
    let stub = Stub::start().await;
    let server = Program::with(&[
        ("VESTIBULE_API__URL", &stub.url()),
        ("VESTIBULE_THREADS", "1"),
        ("VESTIBULE_SERVER__MAX_CONNECTIONS", "60"),
        ("VESTIBULE_SERVER__MAX_CONNECTIONS_PER_ADDRESS", "30"),
    ])
    .await;
    let mut held = Vec::new();
    for address in 3..13 {
        held.extend(open_silent(&server, &format!("127.0.0.{address}"), 30).await);
        // An incomplete head does not count as a request.
        for socket in &mut held {
            let _ = socket.write_all(b"GET / HTTP/1.1\r\n").await;
        }
        assert!(is_served(&server, "127.0.0.2").await, "{address}");
    }
    assert_eq!(held.len(), 300);
}

#[tokio::test]
async fn takes_all_files_that_may_be_open() {
    let stub = Stub::start().await;
    let server = Program::with(&[
        ("VESTIBULE_API__URL", &stub.url()),
        ("VESTIBULE_THREADS", "1"),
        ("VESTIBULE_SERVER__MAX_CONNECTIONS", "100000"),
        ("VESTIBULE_SERVER__MAX_CONNECTIONS_PER_ADDRESS", "100000"),
    ])
    .await;
    let id = server.id().to_string();
    let limited = std::process::Command::new("prlimit").args(["--pid", &id, "--nofile=100:100"]).status().unwrap();
    assert!(limited.success());
    let held = open_silent(&server, "127.0.0.1", 300).await;
    for _ in 0..5 {
        assert!(is_served(&server, "127.0.0.2").await);
    }
    drop(held);
}

#[tokio::test]
async fn people_behind_a_trusted_proxy_are_not_limited_as_one() {
    let stub = Stub::start().await;
    let server = Program::with(&[
        ("VESTIBULE_API__URL", &stub.url()),
        ("VESTIBULE_SERVER__MAX_CONNECTIONS_PER_ADDRESS", "5"),
        ("VESTIBULE_PROXY__TRUSTED_PROXIES", "127.0.0.1"),
    ])
    .await;
    let held = open_silent(&server, "127.0.0.1", 50).await;
    assert!(is_served(&server, "127.0.0.1").await);
    drop(held);
}
