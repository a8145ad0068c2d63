//! Users of the app, each with their own browser, and the outcomes of their requests.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{
    Method, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, SET_COOKIE},
};

use super::haproxy::SERVER;
use crate::support::browser::Browser;

/// The pause between two rounds of one user: 200 users make some 270 requests a second.
const PAUSE: Duration = Duration::from_millis(1_500);
/// How often a condition is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The outcomes of all requests.
#[derive(Default)]
pub struct Counts {
    pub succeeded: AtomicUsize,
    /// Requests that got a 503 and were retried.
    pub retried: AtomicUsize,
    /// Requests that were lost with the killed replica.
    pub aborted: AtomicUsize,
    /// Whether the store was down, so that 503 responses are expected.
    pub store_was_down: AtomicBool,
    /// The replica that was killed.
    pub killed: Mutex<Option<usize>>,
    /// Whether all requests in flight at the killed replica have ended.
    pub recovered: AtomicBool,
    /// The replicas that responded.
    pub replicas: Mutex<BTreeSet<String>>,
    pub stop: AtomicBool,
}

impl Counts {
    /// Waits until a condition is true.
    pub async fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        for _ in 0..1_600 {
            if is_so() {
                return;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        panic!("timed out waiting until {what}");
    }

    /// Waits until the users had, on average, two more successful requests.
    pub async fn wait_until_service_continues(&self, users: usize) {
        let before = self.succeeded.load(Ordering::SeqCst);
        let continues = || self.succeeded.load(Ordering::SeqCst) >= before + 2 * users;
        self.wait_until("the service continues", continues).await;
    }

    /// Records a request without a response: only the killed replica may have lost it, when it was killed.
    fn record_aborted(&self, replica: Option<&str>, what: &str) {
        let killed = *self.killed.lock().unwrap();
        let killed = killed.map(|number| number.to_string());
        assert!(killed.is_some(), "before any replica was killed: {what}");
        assert!(replica.is_none() || replica == killed.as_deref(), "by {replica:?}, which lives: {what}");
        assert!(!self.recovered.load(Ordering::SeqCst), "long after the replica was killed: {what}");
        self.aborted.fetch_add(1, Ordering::SeqCst);
    }
}

/// Simulates one user until `stop` is set: two tabs, each of which gets the user's own data or a 503.
pub async fn simulate(mut browser: Browser, email: String, counts: Arc<Counts>) -> Browser {
    while !counts.stop.load(Ordering::SeqCst) {
        let tabs = tokio::join!(tab(&browser, &email, &counts), tab(&browser, &email, &counts));
        // As in a browser, the cookie of the last response wins.
        for headers in <[_; 2]>::from(tabs).into_iter().flatten() {
            browser.keep_cookies(&headers);
        }
        tokio::time::sleep(PAUSE).await;
    }
    browser
}

/// Sends one request, retries it while the response is a 503, and returns the headers of the last response.
async fn tab(browser: &Browser, email: &str, counts: &Counts) -> Option<HeaderMap> {
    loop {
        let response = match browser.request(Method::GET, "/api/proxy/notes").send().await {
            Ok(response) => response,
            // On a reused connection, HAProxy closes it like the replica did.
            Err(error) => {
                counts.record_aborted(None, &format!("{email}: {error}"));
                return None;
            }
        };
        match response.status() {
            StatusCode::OK => return read_own(response, email, counts).await,
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(counts.store_was_down.load(Ordering::SeqCst), "{email}: {response:?}");
                assert!(response.headers().contains_key(RETRY_AFTER), "{email}: {response:?}");
                assert!(!response.headers().contains_key(SET_COOKIE), "{email}");
                counts.retried.fetch_add(1, Ordering::SeqCst);
                // Sooner than `Retry-After`, to keep the test short.
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            StatusCode::BAD_GATEWAY => {
                // HAProxy's own page, not the program's problem details.
                let text = format!("{email}: {response:?}");
                assert_ne!(response.headers()[CONTENT_TYPE], "application/problem+json", "{text}");
                let replica = response.headers().get(SERVER).map(|name| name.to_str().unwrap().to_owned());
                counts.record_aborted(Some(replica.as_deref().unwrap_or("none")), &text);
                return None;
            }
            status => panic!("{email} got {status}: {:?}", response.text().await),
        }
    }
}

/// Reads a response, which must contain that user's data.
async fn read_own(response: Response, email: &str, counts: &Counts) -> Option<HeaderMap> {
    let headers = response.headers().clone();
    let replica = headers[SERVER].to_str().unwrap().to_owned();
    let Ok(body) = response.text().await else {
        counts.record_aborted(Some(&replica), email);
        return Some(headers);
    };
    assert!(body.contains(&format!("\"{email}\"")), "{email} got {body}");
    counts.replicas.lock().unwrap().insert(replica);
    counts.succeeded.fetch_add(1, Ordering::SeqCst);
    Some(headers)
}
