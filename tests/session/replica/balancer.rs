//! Replicas that can be killed, and a balancer that hands out connections in turn.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};
use vestibule::{
    clock::Clock,
    config::{Config, StoreConfig},
};

use crate::{
    hall::{Hall, START},
    support::{browser::Browser, redis_server::Redis, stub::Stub},
};

/// Everything, seen from outside.
pub struct Street {
    pub stub: Stub,
    pub clock: Clock,
    origin: String,
    replicas: Vec<Option<Runtime>>,
    addresses: Arc<Mutex<Vec<Option<String>>>>,
}

impl Street {
    /// Three replicas with sessions in `redis`, or in cookies.
    pub async fn open(redis: Option<&Redis>) -> Self {
        let (stub, clock) = (Stub::start().await, Clock::manual(START));
        stub.memory().expires_in = Some(900);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (mut replicas, mut addresses) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            // A runtime of its own, so that it can be killed with all that it has under way.
            let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let public_url = origin.parse().unwrap();
            let store = redis.map_or(StoreConfig::Cookie, |redis| StoreConfig::try_from(redis.url()).unwrap());
            let change = move |config: &mut Config| {
                config.public_url = public_url;
                config.session.store = store;
            };
            let hall = runtime.spawn(Hall::replica(stub.clone(), clock.clone(), change)).await.unwrap();
            addresses.push(Some(hall.origin.strip_prefix("http://").unwrap().to_owned()));
            replicas.push(Some(runtime));
        }
        let addresses = Arc::new(Mutex::new(addresses));
        tokio::spawn(balance(listener, Arc::clone(&addresses)));
        Self { stub, clock, origin, replicas, addresses }
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    /// Ends a replica with all that it has under way.
    pub fn kill(&mut self, replica: usize) {
        if let Some(runtime) = self.replicas[replica].take() {
            self.addresses.lock().unwrap()[replica] = None;
            runtime.shutdown_background();
        }
    }
}

impl Drop for Street {
    fn drop(&mut self) {
        for replica in 0..self.replicas.len() {
            self.kill(replica);
        }
    }
}

async fn balance(listener: TcpListener, addresses: Arc<Mutex<Vec<Option<String>>>>) {
    let turn = Arc::new(AtomicUsize::new(0));
    while let Ok((mut client, _)) = listener.accept().await {
        let (addresses, turn) = (Arc::clone(&addresses), Arc::clone(&turn));
        tokio::spawn(async move {
            let alive: Vec<String> = addresses.lock().unwrap().iter().flatten().cloned().collect();
            let address = &alive[turn.fetch_add(1, Ordering::Relaxed) % alive.len()];
            if let Ok(mut replica) = TcpStream::connect(address).await {
                let _ = copy_bidirectional(&mut client, &mut replica).await;
            }
        });
    }
}
