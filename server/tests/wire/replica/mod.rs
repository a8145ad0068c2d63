//! What people notice when replicas and the store come and go: nothing.
//!
//! All of it is real: three processes of the program, `HAProxy`, Redis, and tokens that end while the
//! test runs.

mod haproxy;
mod user;
mod deployment;
mod tls;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use self::{
    user::{Counts, work},
    deployment::Deployment,
};
use crate::support::{browser::Browser, redis_server::Redis, stub::PASSWORD};

const USERS: usize = 200;
/// The replica that is killed.
const VICTIM: usize = 1;

/// Everybody at work.
struct Users {
    counts: Arc<Counts>,
    work: Vec<(JoinHandle<Browser>, String)>,
}

impl Users {
    async fn enter(deployment: &Deployment) -> Self {
        let counts = Arc::<Counts>::default();
        let stranger = deployment.browser();
        let log_ins = (0..USERS).map(async |number| {
            let (mut browser, email) = (stranger.clone(), format!("person-{number}@example.com"));
            let fields = [("email", email.as_str()), ("password", PASSWORD), ("return_to", "/")];
            let response = browser.post_form("/api/login", &fields).await;
            assert_eq!(response.status, 200, "{response:?}");
            (browser, email)
        });
        let people = join_all(log_ins).await.into_iter();
        let start = |(browser, email): (Browser, String)| {
            (tokio::spawn(work(browser, email.clone(), Arc::clone(&counts))), email)
        };
        Self { work: people.map(start).collect(), counts }
    }

    /// Waits for as many more renewals as there are people.
    async fn renew(&self, deployment: &Deployment) {
        let before = deployment.stub.memory().refreshes;
        self.counts.until("all tokens are renewed", || deployment.stub.memory().refreshes >= before + USERS).await;
    }

    /// Lets everybody end their work; each is still logged in, as nobody else.
    async fn leave(self) {
        self.counts.stop.store(true, Ordering::SeqCst);
        for (work, email) in self.work {
            let mut browser = work.await.unwrap();
            let session = browser.get("/api/session").await.json();
            assert_eq!(session["loggedIn"], true, "{email}");
            assert_eq!(session["user"]["email"], email.as_str());
        }
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        assert!(count(&self.counts.aborted) <= 2 * USERS, "no more than was on its way to the killed replica");
        assert_eq!(self.counts.replicas.lock().unwrap().len(), 3, "all replicas took part");
    }

    /// Kills a replica; nobody notices it for long.
    async fn lose_a_replica(&self, deployment: &mut Deployment) {
        *self.counts.killed.lock().unwrap() = Some(VICTIM);
        deployment.kill(VICTIM);
        self.counts.until_all_goes_on(USERS).await;
        self.counts.recovered.store(true, Ordering::SeqCst);
        self.renew(deployment).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_logged_out_by_a_killed_replica_or_a_restart_of_redis() {
    let mut redis = Redis::start().await;
    let mut deployment = Deployment::open(Some(&redis)).await;
    let users = Users::enter(&deployment).await;
    users.renew(&deployment).await;
    assert_eq!(users.counts.retried.load(Ordering::SeqCst), 0);

    users.counts.store_was_down.store(true, Ordering::SeqCst);
    redis.kill();
    let retried = || users.counts.retried.load(Ordering::SeqCst) > 0;
    users.counts.until("Redis is missed", retried).await;
    redis.resume().await;
    users.counts.until_all_goes_on(USERS).await;
    users.renew(&deployment).await;

    // Until here no refresh token was spent twice, which an API takes for theft. A replica that is killed
    // between the API's response and its storing takes that response along.
    deployment.stub.memory().forgives = true;
    users.lose_a_replica(&mut deployment).await;
    users.leave().await;
    let forgiven = deployment.stub.memory().forgiven;
    assert!(forgiven <= USERS, "at most what the killed replica took along: {forgiven}");
}

/// The same without Redis. What differs: two replicas may renew a token at once, each on its own, so
/// the API has to take a spent refresh token for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_logged_out_by_a_killed_replica_with_sessions_in_cookies() {
    let mut deployment = Deployment::open(None).await;
    deployment.stub.memory().forgives = true;
    let users = Users::enter(&deployment).await;
    users.renew(&deployment).await;
    users.lose_a_replica(&mut deployment).await;
    assert_eq!(users.counts.retried.load(Ordering::SeqCst), 0, "there is no store to be away");
    users.leave().await;
}
