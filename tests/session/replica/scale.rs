//! Several replicas behave like one server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;

use crate::{
    balancer::ReplicaSet,
    support::{browser::Browser, redis_server::Redis},
};

const USERS: usize = 200;
/// The pause between two requests of one user.
const PAUSE: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_requests_over_three_replicas_make_one_refresh() {
    let redis = Redis::start().await;
    let replicas = ReplicaSet::open(Some(&redis)).await;
    replicas.stub.memory().refresh_delay = Duration::from_millis(150);
    let mut ada = replicas.browser();
    assert_eq!(ada.post_form("/login/ada@example.com", &[]).await.status, 200);
    for round in 1..=3 {
        replicas.clock.advance(900);
        let calls = (0..50).map(|_| {
            // All at once, so that each has its own connection.
            let mut tab = ada.clone();
            tokio::spawn(async move { tab.get("/api/proxy/notes").await })
        });
        for answer in futures_util::future::join_all(calls).await {
            let answer = answer.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.json()["email"], "ada@example.com");
        }
        assert_eq!(replicas.stub.memory().refreshes, round);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_with_the_same_key_open_each_others_cookies() {
    let mut replicas = ReplicaSet::open(None).await;
    let mut ada = replicas.browser();
    assert_eq!(ada.post_form("/login/ada@example.com", &[]).await.status, 200);
    for replica in 0..3 {
        let mut tab = replicas.browser();
        tab.cookies = ada.cookies.clone();
        assert_eq!(tab.get("/api/proxy/notes").await.json()["email"], "ada@example.com");
        if replica < 2 {
            replicas.kill(replica);
        }
    }
}

/// The results of all requests.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    /// Responses with 503 while Redis was unavailable.
    unavailable: AtomicUsize,
    /// Requests that were cut off with the killed replica.
    cut: AtomicUsize,
    stop: AtomicBool,
}

/// One user at work: sends requests until told to stop, and never sees another user's data.
async fn work(browser: Browser, email: String, tally: Arc<Tally>) {
    while !tally.stop.load(Ordering::Relaxed) {
        match browser.request(Method::GET, "/api/proxy/notes").send().await {
            Ok(answer) if answer.status() == 503 => tally.unavailable.fetch_add(1, Ordering::Relaxed),
            Ok(answer) => {
                let status = answer.status();
                let Ok(body) = answer.text().await else { continue };
                assert_eq!(status, 200, "{email}: {body}");
                assert!(body.contains(&format!("\"{email}\"")), "{email} got {body}");
                tally.answered.fetch_add(1, Ordering::Relaxed)
            }
            Err(_) => tally.cut.fetch_add(1, Ordering::Relaxed),
        };
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until a condition holds.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("timed out: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_user_is_logged_out_by_a_killed_replica_or_a_restart_of_redis() {
    let mut redis = Redis::start().await;
    let mut replicas = ReplicaSet::open(Some(&redis)).await;
    let tally = Arc::new(Tally::default());
    let stranger = replicas.browser();
    let logins = (0..USERS).map(async |number| {
        let (mut browser, email) = (stranger.clone(), format!("person-{number}@example.com"));
        assert_eq!(browser.post_form(&format!("/login/{email}"), &[]).await.status, 200);
        (browser, email)
    });
    let users = futures_util::future::join_all(logins).await;
    let work_of_all: Vec<_> = users
        .iter()
        .map(|(browser, email)| tokio::spawn(work(browser.clone(), email.clone(), Arc::clone(&tally))))
        .collect();
    replicas.clock.advance(900);
    until("every token is refreshed", || replicas.stub.memory().refreshes >= USERS).await;

    redis.kill();
    until("Redis is unavailable", || tally.unavailable.load(Ordering::Relaxed) > 0).await;
    redis.resume().await;
    let before = tally.answered.load(Ordering::Relaxed);
    until("requests succeed again", || tally.answered.load(Ordering::Relaxed) > before + USERS).await;

    replicas.kill(0);
    let before = tally.answered.load(Ordering::Relaxed);
    until("the other replicas continue", || tally.answered.load(Ordering::Relaxed) > before + USERS).await;
    replicas.clock.advance(900);
    until("every token is refreshed again", || replicas.stub.memory().refreshes >= 2 * USERS).await;

    tally.stop.store(true, Ordering::Relaxed);
    for work in work_of_all {
        work.await.unwrap();
    }
    for (mut browser, email) in users {
        assert_eq!(browser.get("/who").await.body, email, "still logged in");
    }
    assert_eq!(replicas.stub.memory().refreshes, 2 * USERS, "one for each user and expiry of a token");
    assert!(tally.cut.load(Ordering::Relaxed) <= USERS, "only requests on their way to the killed replica");
}
