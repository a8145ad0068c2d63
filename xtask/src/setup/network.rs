//! Asks once whether prebuilt programs can be downloaded.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// Where a network answers at all it answers within this.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether GitHub, where the prebuilt programs lie, can be reached.
pub fn reaches_github() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        // Behind an HTTP proxy a direct connection proves nothing: let the download try.
        let proxy = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        proxy.iter().any(|variable| std::env::var_os(variable).is_some()) || connects("github.com:443")
    })
}

/// Looking up the name has no time limit of its own, so all of it runs on a thread that may be left behind.
fn connects(address: &'static str) -> bool {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut addresses = address.to_socket_addrs().into_iter().flatten();
        // Nobody listens any more when the time is over.
        let _ = sender.send(addresses.any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok()));
    });
    receiver.recv_timeout(PATIENCE).unwrap_or(false)
}
