//! A real Node.js server, which closes unused connections after five seconds: nobody sees it.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{body::Body, http::StatusCode};
use futures_util::future::join_all;
use vestibule::config::proxy::Seconds;

use crate::{
    client::{connect, get, read, request, send},
    front::Front,
};

/// A Node.js server. It ends with the test.
struct Node {
    process: Child,
    url: String,
}

impl Node {
    /// Starts one that keeps unused connections for as long as `limit` says, or as Node.js does.
    fn start(limit: Option<Duration>) -> Self {
        let mut command = Command::new("node");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/proxy/node.js"));
        command.args(limit.map(|limit| limit.as_millis().to_string()));
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start node ({error}): install Node.js, https://nodejs.org"));
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { process, url: format!("http://127.0.0.1:{}", port.trim()) }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What to send: all workers together send some requests, each one right after the other, then wait, so
/// that every connection is unused for that long, and so on.
#[derive(Clone, Copy)]
struct Plan {
    methods: &'static [&'static str],
    workers: usize,
    waves: usize,
    at_once: usize,
    /// The first wait, and how much longer the last one is; the others lie between them.
    wait: (Duration, Duration),
}

/// How far apart the workers of a wave begin at most.
const SPREAD: Duration = Duration::from_millis(20);

impl Plan {
    fn requests(self) -> usize {
        self.workers * self.waves * self.at_once
    }

    fn wait(self, worker: usize, wave: usize) -> Duration {
        let part = |whole: Duration, number: usize, of: usize| {
            whole * u32::try_from(number).unwrap() / u32::try_from(of).unwrap()
        };
        // Spread evenly, to the fraction of a millisecond, and each time otherwise.
        let own = part(SPREAD, (worker * 61 + wave * 17) % self.workers, self.workers);
        self.wait.0 + part(self.wait.1, wave, self.waves) + own
    }
}

async fn work(front: SocketAddr, worker: usize, plan: Plan) {
    let mut sender = connect(front).await;
    for wave in 0..plan.waves {
        for number in 0..plan.at_once {
            let path = format!("/{worker}/{wave}/{number}");
            let method = plan.methods[(worker + number) % plan.methods.len()];
            let body = if method == "POST" { "tea" } else { "" };
            let request = request(method, &format!("/api/proxy{path}")).body(Body::from(body)).unwrap();
            sender.ready().await.unwrap();
            let answer = read(sender.send_request(request).await.unwrap()).await.unwrap();
            assert_eq!(answer.status, StatusCode::OK, "{method} {path}: {:?}", answer.body);
            assert_eq!(answer.body, format!("{method} {path} {}", body.len()));
        }
        tokio::time::sleep(plan.wait(worker, wave)).await;
    }
}

/// All are answered, none that changes something arrives twice, and connections did end in between.
async fn none_fails(front: &Front, plan: Plan) {
    let workers: Vec<_> = (0..plan.workers).map(|worker| tokio::spawn(work(front.address, worker, plan))).collect();
    for worker in join_all(workers).await {
        worker.unwrap();
    }
    let counts = send(front.address, get("/api/proxy/counts")).await;
    let counts: serde_json::Value = serde_json::from_slice(&counts.body).unwrap();
    assert_eq!(counts["requests"], plan.requests(), "{counts}");
    assert_eq!(counts["twice"], 0, "{counts}");
    let connections = usize::try_from(counts["connections"].as_u64().unwrap()).unwrap();
    assert!(connections > plan.waves, "they were closed and opened again: {counts}");
    assert!(connections < plan.requests() / 2, "they were used again: {counts}");
}

/// In small: a tenth of Node's limit, and of the time for which the proxy keeps connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_across_the_limit() {
    let node = Node::start(Some(Duration::from_millis(500)));
    let keep = Seconds::try_from(0.4).unwrap();
    let front = Front::with(&node.url, |setup| setup.config.pool_idle_timeout = keep).await;
    let wait = (Duration::from_millis(150), Duration::from_millis(500));
    let plan = Plan { methods: &["GET", "POST"], workers: 125, waves: 10, at_once: 8, wait };
    assert_eq!(plan.requests(), 10_000);
    none_fails(&front, plan).await;
}

/// A server that tells no limit, and whose connections end just as they are used: what can be repeated
/// is answered all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_very_limit() {
    let node = Node::start(Some(Duration::from_millis(500)));
    let front = Front::to(&node.url).await;
    let wait = (Duration::from_millis(470), Duration::from_millis(40));
    none_fails(&front, Plan { methods: &["GET", "PUT"], workers: 125, waves: 10, at_once: 4, wait }).await;
}

/// Node's own five seconds, with what the proxy does by default.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn across_the_real_five_seconds() {
    let node = Node::start(None);
    let front = Front::to(&node.url).await;
    let wait = (Duration::from_millis(3_600), Duration::from_millis(2_250));
    none_fails(&front, Plan { methods: &["GET", "POST"], workers: 100, waves: 3, at_once: 4, wait }).await;
}
