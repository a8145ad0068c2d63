//! What people notice when replicas and the store come and go: nothing.
//!
//! All of it is real: three processes of the program, `HAProxy`, Redis, and tokens that end while the
//! test runs.

mod haproxy;
mod person;
mod street;
mod tls;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use self::{
    person::{Tally, work},
    street::Street,
};
use crate::support::{browser::Browser, redis_server::Redis, stub::PASSWORD};

const PEOPLE: usize = 200;
/// The replica that is killed.
const VICTIM: usize = 1;

/// Everybody at work.
struct Crowd {
    tally: Arc<Tally>,
    work: Vec<(JoinHandle<Browser>, String)>,
}

impl Crowd {
    async fn enter(street: &Street) -> Self {
        let tally = Arc::<Tally>::default();
        let stranger = street.browser();
        let log_ins = (0..PEOPLE).map(async |number| {
            let (mut browser, email) = (stranger.clone(), format!("person-{number}@example.com"));
            let fields = [("email", email.as_str()), ("password", PASSWORD), ("return_to", "/")];
            let answer = browser.post_form("/api/login", &fields).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            (browser, email)
        });
        let people = join_all(log_ins).await.into_iter();
        let start = |(browser, email): (Browser, String)| {
            (tokio::spawn(work(browser, email.clone(), Arc::clone(&tally))), email)
        };
        Self { work: people.map(start).collect(), tally }
    }

    /// Waits for as many more renewals as there are people.
    async fn renew(&self, street: &Street) {
        let before = street.stub.memory().refreshes;
        self.tally.until("all tokens are renewed", || street.stub.memory().refreshes >= before + PEOPLE).await;
    }

    /// Lets everybody end their work; each is still logged in, as nobody else.
    async fn leave(self) {
        self.tally.stop.store(true, Ordering::SeqCst);
        for (work, email) in self.work {
            let mut browser = work.await.unwrap();
            let session = browser.get("/api/session").await.json();
            assert_eq!(session["loggedIn"], true, "{email}");
            assert_eq!(session["user"]["email"], email.as_str());
        }
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        assert!(count(&self.tally.cut) <= 2 * PEOPLE, "no more than was on its way to the killed replica");
        assert_eq!(self.tally.replicas.lock().unwrap().len(), 3, "all replicas took part");
    }

    /// Kills a replica; nobody notices it for long.
    async fn lose_a_replica(&self, street: &mut Street) {
        *self.tally.killed.lock().unwrap() = Some(VICTIM);
        street.kill(VICTIM);
        self.tally.until_all_goes_on(PEOPLE).await;
        self.tally.settled.store(true, Ordering::SeqCst);
        self.renew(street).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_logged_out_by_a_killed_replica_or_a_restart_of_redis() {
    let mut redis = Redis::start().await;
    let mut street = Street::open(Some(&redis)).await;
    let crowd = Crowd::enter(&street).await;
    crowd.renew(&street).await;
    assert_eq!(crowd.tally.put_off.load(Ordering::SeqCst), 0);

    crowd.tally.store_was_away.store(true, Ordering::SeqCst);
    redis.kill();
    let put_off = || crowd.tally.put_off.load(Ordering::SeqCst) > 0;
    crowd.tally.until("Redis is missed", put_off).await;
    redis.resume().await;
    crowd.tally.until_all_goes_on(PEOPLE).await;
    crowd.renew(&street).await;

    // Until here no refresh token was spent twice, which an API takes for theft. A replica that is killed
    // between the API's answer and its storing takes that answer along.
    street.stub.memory().forgives = true;
    crowd.lose_a_replica(&mut street).await;
    crowd.leave().await;
    let forgiven = street.stub.memory().forgiven;
    assert!(forgiven <= PEOPLE, "at most what the killed replica took along: {forgiven}");
}

/// The same without Redis. What differs: two replicas may renew a token at once, each on its own, so
/// the API has to take a spent refresh token for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_logged_out_by_a_killed_replica_with_sessions_in_cookies() {
    let mut street = Street::open(None).await;
    street.stub.memory().forgives = true;
    let crowd = Crowd::enter(&street).await;
    crowd.renew(&street).await;
    crowd.lose_a_replica(&mut street).await;
    assert_eq!(crowd.tally.put_off.load(Ordering::SeqCst), 0, "there is no store to be away");
    crowd.leave().await;
}
