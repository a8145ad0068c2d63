//! People who use the app, each with a browser of their own, and what becomes of their requests.

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

/// Between two rounds of one person: 200 people are some 270 requests a second.
const PAUSE: Duration = Duration::from_millis(1_500);
/// How often something that comes sooner or later is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What all requests came to.
#[derive(Default)]
pub struct Counts {
    pub answered: AtomicUsize,
    /// Told to come again, and did.
    pub retried: AtomicUsize,
    /// Lost with the replica that was killed.
    pub aborted: AtomicUsize,
    /// Whether the store was away, so that people may be put off.
    pub store_was_down: AtomicBool,
    /// Which replica was killed.
    pub killed: Mutex<Option<usize>>,
    /// Whether all requests that it had under way have ended.
    pub recovered: AtomicBool,
    /// Which ones answered.
    pub replicas: Mutex<BTreeSet<String>>,
    pub stop: AtomicBool,
}

impl Counts {
    /// Waits for something that comes sooner or later.
    pub async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        for _ in 0..1_600 {
            if is_so() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("in vain: {what}");
    }

    /// Waits until everybody, on average, was answered twice more.
    pub async fn until_all_goes_on(&self, people: usize) {
        let before = self.answered.load(Ordering::SeqCst);
        let all = || self.answered.load(Ordering::SeqCst) >= before + 2 * people;
        self.until("all goes on", all).await;
    }

    /// Notes a request that was not answered: only the killed replica may have lost it, as it ended.
    fn record_aborted(&self, replica: Option<&str>, what: &str) {
        let killed = *self.killed.lock().unwrap();
        let killed = killed.map(|number| number.to_string());
        assert!(killed.is_some(), "before any replica was killed: {what}");
        assert!(replica.is_none() || replica == killed.as_deref(), "by {replica:?}, which lives: {what}");
        assert!(!self.recovered.load(Ordering::SeqCst), "long after the replica was killed: {what}");
        self.aborted.fetch_add(1, Ordering::SeqCst);
    }
}

/// One person at work until the counts says stop: two tabs, each of which sees that person's own data
/// or is told to come again.
pub async fn work(mut browser: Browser, email: String, counts: Arc<Counts>) -> Browser {
    while !counts.stop.load(Ordering::SeqCst) {
        let tabs = tokio::join!(tab(&browser, &email, &counts), tab(&browser, &email, &counts));
        // As a browser does: the cookie of the response that comes last stays.
        for headers in <[_; 2]>::from(tabs).into_iter().flatten() {
            browser.keep_cookies(&headers);
        }
        tokio::time::sleep(PAUSE).await;
    }
    browser
}

/// One request, sent again as long as the response says so; the headers of the last response.
async fn tab(browser: &Browser, email: &str, counts: &Counts) -> Option<HeaderMap> {
    loop {
        let response = match browser.request(Method::GET, "/api/proxy/notes").send().await {
            Ok(response) => response,
            // On a connection that was used before, HAProxy hangs up as the replica did.
            Err(error) => {
                counts.record_aborted(None, &format!("{email}: {error}"));
                return None;
            }
        };
        match response.status() {
            StatusCode::OK => return own(response, email, counts).await,
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(counts.store_was_down.load(Ordering::SeqCst), "{email}: {response:?}");
                assert!(response.headers().contains_key(RETRY_AFTER), "{email}: {response:?}");
                assert!(!response.headers().contains_key(SET_COOKIE), "{email}");
                counts.retried.fetch_add(1, Ordering::SeqCst);
                // Sooner than told, so that the test takes no longer than it has to.
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            StatusCode::BAD_GATEWAY => {
                // HAProxy's own page, not a problem of the program's.
                let text = format!("{email}: {response:?}");
                assert_ne!(response.headers()[CONTENT_TYPE], "application/problem+json", "{text}");
                let replica = response.headers().get(SERVER).map(|name| name.to_str().unwrap().to_owned());
                counts.record_aborted(Some(replica.as_deref().unwrap_or("nobody")), &text);
                return None;
            }
            status => panic!("{email} got {status}: {:?}", response.text().await),
        }
    }
}

/// Reads an response, which has to be about that person.
async fn own(response: Response, email: &str, counts: &Counts) -> Option<HeaderMap> {
    let headers = response.headers().clone();
    let replica = headers[SERVER].to_str().unwrap().to_owned();
    let Ok(body) = response.text().await else {
        counts.record_aborted(Some(&replica), email);
        return Some(headers);
    };
    assert!(body.contains(&format!("\"{email}\"")), "{email} got {body}");
    counts.replicas.lock().unwrap().insert(replica);
    counts.answered.fetch_add(1, Ordering::SeqCst);
    Some(headers)
}
