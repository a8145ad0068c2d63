//! The API behind every peer of the bench: fast, with answers of known sizes, and only for callers
//! that bring the token. It speaks the demo contract's log-in.
//!
//! `upstream LISTEN`

mod answer;
mod event;
mod socket;

use std::{convert::Infallible, env, error::Error, net::SocketAddr, thread};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::TcpListener, runtime::Builder, task::LocalSet};

use crate::event::Ticker;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BACKLOG: i32 = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let listen: SocketAddr = env::args().nth(1).ok_or("usage: upstream LISTEN")?.parse()?;
    let threads = thread::available_parallelism()?.get();
    let mut servers = Vec::new();
    for _ in 0..threads {
        let listener = listener(listen)?;
        servers.push(thread::spawn(move || serve(listener)));
    }
    for server in servers {
        server.join().map_err(|_| "a thread panicked")??;
    }
    Ok(())
}

fn listener(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn serve(listener: std::net::TcpListener) -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::from_std(listener)?;
        let ticker = Ticker::start();
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let ticker = ticker.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let ticker = ticker.clone();
                async move { Ok::<_, Infallible>(answer::to(request, &ticker).await) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::task::spawn_local(async move {
                // A client that went away is no news.
                let _ = connection.with_upgrades().await;
            });
        }
    })
}
