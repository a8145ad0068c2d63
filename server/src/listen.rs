//! Listening sockets: one per thread on the same port, so that the kernel spreads the connections.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Protocol, Socket, Type};

const BACKLOG: i32 = 4096;

/// The server cannot listen on the address.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: choose another with `listen` (VESTIBULE_LISTEN)")]
pub(crate) struct ListenError {
    address: SocketAddr,
    #[source]
    cause: io::Error,
}

/// Opens `count` listeners on one address; port 0 takes a free one.
pub(crate) fn open(address: SocketAddr, count: usize) -> Result<Vec<TcpListener>, ListenError> {
    let open = || -> io::Result<Vec<TcpListener>> {
        // With a shared port, a second server could start unnoticed and get some of the connections. Binding the port
        // exclusively first detects another server.
        let exclusive = bind(address, false)?;
        let address = exclusive.local_addr()?;
        drop(exclusive);
        (0..count).map(|_| bind(address, count > 1)).collect()
    };
    open().map_err(|cause| ListenError { address, cause })
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn shares_a_port_only_among_its_own_threads() {
        let listeners = open((Ipv4Addr::LOCALHOST, 0).into(), 2).unwrap();
        let address = listeners[0].local_addr().unwrap();
        assert_eq!(listeners[1].local_addr().unwrap(), address);
        let error = open(address, 2).unwrap_err();
        assert!(error.to_string().contains("VESTIBULE_LISTEN"));
    }
}
