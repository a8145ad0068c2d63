//! Replicas that can be killed, behind a round-robin load balancer.

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
    support::{browser::Browser, redis_server::Redis, stub::Stub},
    test_app::{START, TestApp},
};

/// Three replicas behind one load balancer.
pub struct ReplicaSet {
    pub stub: Stub,
    pub clock: Clock,
    origin: String,
    replicas: Vec<Option<Runtime>>,
    addresses: Arc<Mutex<Vec<Option<String>>>>,
}

impl ReplicaSet {
    /// Three replicas with sessions in `redis`, or in cookies.
    pub async fn open(redis: Option<&Redis>) -> Self {
        let (stub, clock) = (Stub::start().await, Clock::manual(START));
        stub.memory().expires_in = Some(900);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (mut replicas, mut addresses) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            // Its own runtime, so that it can be killed with all its requests in flight.
            let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let public_url = origin.parse().unwrap();
            let store = redis.map_or(StoreConfig::Cookie, |redis| StoreConfig::try_from(redis.url()).unwrap());
            let change = move |config: &mut Config| {
                config.public_url = public_url;
                config.session.store = store;
            };
            let app = runtime.spawn(TestApp::replica(stub.clone(), clock.clone(), change)).await.unwrap();
            addresses.push(Some(app.origin.strip_prefix("http://").unwrap().to_owned()));
            replicas.push(Some(runtime));
        }
        let addresses = Arc::new(Mutex::new(addresses));
        tokio::spawn(balance(listener, Arc::clone(&addresses)));
        Self { stub, clock, origin, replicas, addresses }
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    /// Kills a replica with all its requests in flight.
    pub fn kill(&mut self, replica: usize) {
        if let Some(runtime) = self.replicas[replica].take() {
            self.addresses.lock().unwrap()[replica] = None;
            runtime.shutdown_background();
        }
    }
}

impl Drop for ReplicaSet {
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
