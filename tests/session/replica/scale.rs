//! What people notice of many replicas: nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;

use crate::{
    balancer::Street,
    support::{browser::Browser, redis_server::Redis},
};

const PEOPLE: usize = 200;
/// Between two requests of one person.
const PAUSE: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_requests_over_three_replicas_make_one_refresh() {
    let redis = Redis::start().await;
    let street = Street::open(Some(&redis)).await;
    street.stub.memory().refresh_delay = Duration::from_millis(150);
    let mut ada = street.browser();
    assert_eq!(ada.post_form("/login/ada@example.com", &[]).await.status, 200);
    for round in 1..=3 {
        street.clock.advance(900);
        let calls = (0..50).map(|_| {
            // All at once, so that each has a connection of its own.
            let mut tab = ada.clone();
            tokio::spawn(async move { tab.get("/api/proxy/notes").await })
        });
        for answer in futures_util::future::join_all(calls).await {
            let answer = answer.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.json()["email"], "ada@example.com");
        }
        assert_eq!(street.stub.memory().refreshes, round);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_with_the_same_key_open_each_others_cookies() {
    let mut street = Street::open(None).await;
    let mut ada = street.browser();
    assert_eq!(ada.post_form("/login/ada@example.com", &[]).await.status, 200);
    for replica in 0..3 {
        let mut tab = street.browser();
        tab.cookies = ada.cookies.clone();
        assert_eq!(tab.get("/api/proxy/notes").await.json()["email"], "ada@example.com");
        if replica < 2 {
            street.kill(replica);
        }
    }
}

/// What one person's requests came to.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    /// Told to come again, while Redis was away.
    put_off: AtomicUsize,
    /// Cut off with the replica that was killed.
    cut: AtomicUsize,
    stop: AtomicBool,
}

/// One person at work: sends requests until it is told to stop, and never sees anybody else's data.
async fn work(browser: Browser, email: String, tally: Arc<Tally>) {
    while !tally.stop.load(Ordering::Relaxed) {
        match browser.request(Method::GET, "/api/proxy/notes").send().await {
            Ok(answer) if answer.status() == 503 => tally.put_off.fetch_add(1, Ordering::Relaxed),
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

/// Waits for something that comes sooner or later.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("in vain: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_logged_out_by_a_killed_replica_or_a_restart_of_redis() {
    let mut redis = Redis::start().await;
    let mut street = Street::open(Some(&redis)).await;
    let tally = Arc::new(Tally::default());
    let stranger = street.browser();
    let log_ins = (0..PEOPLE).map(async |number| {
        let (mut browser, email) = (stranger.clone(), format!("person-{number}@example.com"));
        assert_eq!(browser.post_form(&format!("/login/{email}"), &[]).await.status, 200);
        (browser, email)
    });
    let people = futures_util::future::join_all(log_ins).await;
    let work_of_all: Vec<_> = people
        .iter()
        .map(|(browser, email)| tokio::spawn(work(browser.clone(), email.clone(), Arc::clone(&tally))))
        .collect();
    street.clock.advance(900);
    until("every token is renewed", || street.stub.memory().refreshes >= PEOPLE).await;

    redis.kill();
    until("Redis is missed", || tally.put_off.load(Ordering::Relaxed) > 0).await;
    redis.resume().await;
    let before = tally.answered.load(Ordering::Relaxed);
    until("all goes on", || tally.answered.load(Ordering::Relaxed) > before + PEOPLE).await;

    street.kill(0);
    let before = tally.answered.load(Ordering::Relaxed);
    until("the others go on", || tally.answered.load(Ordering::Relaxed) > before + PEOPLE).await;
    street.clock.advance(900);
    until("every token is renewed again", || street.stub.memory().refreshes >= 2 * PEOPLE).await;

    tally.stop.store(true, Ordering::Relaxed);
    for work in work_of_all {
        work.await.unwrap();
    }
    for (mut browser, email) in people {
        assert_eq!(browser.get("/who").await.body, email, "still logged in");
    }
    assert_eq!(street.stub.memory().refreshes, 2 * PEOPLE, "one for each person and end of a token");
    assert!(tally.cut.load(Ordering::Relaxed) <= PEOPLE, "only what was on its way to the killed replica");
}
