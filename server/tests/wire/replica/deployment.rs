//! Three replicas of the program behind `HAProxy`, and an API that all of them call.

use super::haproxy::{self, Haproxy};
use crate::{
    program::Program,
    support::{browser::Browser, redis_server::Redis, stub::Stub},
};

/// The key of all replicas.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// How long access tokens last, in seconds: some expire while the test runs.
const LIFETIME: i64 = 4;

/// The API, the replicas and the balancer.
pub struct Deployment {
    pub stub: Stub,
    origin: String,
    replicas: Vec<Program>,
    _balancer: Haproxy,
}

impl Deployment {
    /// Starts with sessions in `redis`, or in cookies.
    pub async fn start(redis: Option<&Redis>) -> Self {
        let stub = Stub::start().await;
        stub.memory().expires_in = Some(LIFETIME);
        let (address, api) = (haproxy::address(), stub.url());
        let origin = format!("http://{address}");
        let store = redis.map_or_else(|| "cookie".to_owned(), Redis::url);
        let variables = [
            ("VESTIBULE_PUBLIC_URL", origin.as_str()),
            ("VESTIBULE_API__URL", &api),
            // The lock of a replica that is killed during a refresh expires with this timeout.
            ("VESTIBULE_API__TIMEOUT", "5.0"),
            ("VESTIBULE_SESSION__KEYS", KEY),
            ("VESTIBULE_SESSION__STORE", &store),
            ("VESTIBULE_THREADS", "1"),
        ];
        let start_replica = || Program::with(&variables);
        let (one, two, three) = tokio::join!(start_replica(), start_replica(), start_replica());
        let replicas = vec![one, two, three];
        let servers: Vec<&str> = replicas.iter().map(Program::address).collect();
        let balancer = Haproxy::start(&address, &servers).await;
        Self { stub, origin, replicas, _balancer: balancer }
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    /// Kills a replica, like a crash.
    pub fn kill(&mut self, replica: usize) {
        self.replicas[replica].kill();
    }
}
