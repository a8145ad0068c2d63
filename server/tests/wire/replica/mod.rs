//! Users notice nothing when replicas and the store go down and come back.
//!
//! Everything is real: three processes of the program, `HAProxy`, Redis, and tokens that expire while the
//! test runs.

mod deployment;
mod haproxy;
mod tls;
mod user;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use self::{
    deployment::Deployment,
    user::{Counts, simulate},
};
use crate::support::{browser::Browser, redis_server::Redis, stub::PASSWORD};

const USERS: usize = 200;
/// The replica that is killed.
const VICTIM: usize = 1;

/// All simulated users.
struct Users {
    counts: Arc<Counts>,
    tasks: Vec<(JoinHandle<Browser>, String)>,
}

impl Users {
    async fn log_in(deployment: &Deployment) -> Self {
        let counts = Arc::<Counts>::default();
        let browser = deployment.browser();
        let logins = (0..USERS).map(async |number| {
            let (mut browser, email) = (browser.clone(), format!("user-{number}@example.com"));
            let fields = [("email", email.as_str()), ("password", PASSWORD), ("return_to", "/")];
            let response = browser.post_form("/api/login", &fields).await;
            assert_eq!(response.status, 200, "{response:?}");
            (browser, email)
        });
        let users = join_all(logins).await.into_iter();
        let start = |(browser, email): (Browser, String)| {
            (tokio::spawn(simulate(browser, email.clone(), Arc::clone(&counts))), email)
        };
        Self { tasks: users.map(start).collect(), counts }
    }

    /// Waits for as many more refreshes as there are users.
    async fn wait_for_refreshes(&self, deployment: &Deployment) {
        let before = deployment.stub.memory().refreshes;
        self.counts
            .wait_until("all tokens are refreshed", || deployment.stub.memory().refreshes >= before + USERS)
            .await;
    }

    /// Stops all users and checks that each is still logged in as themselves.
    async fn stop(self) {
        self.counts.stop.store(true, Ordering::SeqCst);
        for (task, email) in self.tasks {
            let mut browser = task.await.unwrap();
            let session = browser.get("/api/session").await.json();
            assert_eq!(session["loggedIn"], true, "{email}");
            assert_eq!(session["user"]["email"], email.as_str());
        }
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        assert!(count(&self.counts.aborted) <= 2 * USERS, "no more than was in flight at the killed replica");
        assert_eq!(self.counts.replicas.lock().unwrap().len(), 3, "all replicas took part");
    }

    /// Kills a replica and waits until the users are served again.
    async fn kill_a_replica(&self, deployment: &mut Deployment) {
        *self.counts.killed.lock().unwrap() = Some(VICTIM);
        deployment.kill(VICTIM);
        self.counts.wait_until_service_continues(USERS).await;
        self.counts.recovered.store(true, Ordering::SeqCst);
        self.wait_for_refreshes(deployment).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_logged_out_by_a_killed_replica_or_a_restart_of_redis() {
    let mut redis = Redis::start().await;
    let mut deployment = Deployment::start(Some(&redis)).await;
    let users = Users::log_in(&deployment).await;
    users.wait_for_refreshes(&deployment).await;
    assert_eq!(users.counts.retried.load(Ordering::SeqCst), 0);

    users.counts.store_was_down.store(true, Ordering::SeqCst);
    redis.kill();
    let retried = || users.counts.retried.load(Ordering::SeqCst) > 0;
    users.counts.wait_until("Redis is missed", retried).await;
    redis.resume().await;
    users.counts.wait_until_service_continues(USERS).await;
    users.wait_for_refreshes(&deployment).await;

    // Up to here no refresh token was used twice, which an API treats as theft. A replica that is killed after the
    // API's response and before storing it loses that response.
    deployment.stub.memory().forgives = true;
    users.kill_a_replica(&mut deployment).await;
    users.stop().await;
    let forgiven = deployment.stub.memory().forgiven;
    assert!(forgiven <= USERS, "at most what the killed replica lost: {forgiven}");
}

/// The same without Redis. Here two replicas may refresh a token at the same time, so the API has to accept a used refresh
/// token for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_logged_out_by_a_killed_replica_with_sessions_in_cookies() {
    let mut deployment = Deployment::start(None).await;
    deployment.stub.memory().forgives = true;
    let users = Users::log_in(&deployment).await;
    users.wait_for_refreshes(&deployment).await;
    users.kill_a_replica(&mut deployment).await;
    assert_eq!(users.counts.retried.load(Ordering::SeqCst), 0, "no store can be down");
    users.stop().await;
}
