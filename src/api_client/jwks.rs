//! The keys that an API publishes (RFC 7517), kept for a while.
//!
//! They are fetched once for all who wait, and outside of any lock. While keys are known, nothing waits for newer
//! ones: better yesterday's keys than no login at all while the key server is slow or away.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use jsonwebtoken::jwk::Jwk;
use reqwest::Client;

use super::{RequestError, transport};
use crate::background::Background;

/// How long fetched keys are used, in seconds.
const LIFETIME: i64 = 600;
/// How long an attempt to fetch keys, successful or not, does not lead to another one, in seconds. Otherwise any client
/// with a forged token could make this server call the API at will.
const PAUSE: i64 = 30;
/// The largest set of keys, in bytes.
const MAX_SET: usize = 256 * 1024;

/// The published keys. Clones share one cache.
#[derive(Clone)]
pub(super) struct Jwks {
    url: String,
    background: Background,
    cache: Arc<Mutex<Cache>>,
}

type Fetched = Result<Arc<[Jwk]>, RequestError>;
type Fetching = Shared<BoxFuture<'static, Fetched>>;

#[derive(Default)]
struct Cache {
    keys: Arc<[Jwk]>,
    /// When `keys` came, in seconds since the epoch.
    fetched_at: Option<i64>,
    /// The last attempt that failed, and when it began.
    failed: Option<(i64, RequestError)>,
    /// The attempt under way.
    fetching: Option<Fetching>,
}

impl Jwks {
    pub(super) fn new(url: String, background: Background) -> Self {
        Self { url, background, cache: Arc::default() }
    }

    /// The keys that a token with this key id may have been signed with. A key id that is not known
    /// yet means that the API has new keys, so they are fetched.
    pub(super) async fn keys(&self, id: Option<&str>, now: i64, client: &Client) -> Result<Vec<Jwk>, RequestError> {
        let fetching = {
            let mut cache = self.cache();
            let known = find(&cache.keys, id);
            let is_fresh = is_within(cache.fetched_at, now, LIFETIME);
            if is_fresh && !known.is_empty() {
                return Ok(known);
            }
            if let Some(request_error) = cache.recent_failure(now) {
                return if known.is_empty() { Err(request_error) } else { Ok(known) };
            }
            if is_within(cache.fetched_at, now, PAUSE) {
                return Ok(known);
            }
            let fetching = cache.fetching.get_or_insert_with(|| self.fetch(now, client.clone())).clone();
            if !known.is_empty() {
                return Ok(known);
            }
            fetching
        };
        Ok(find(&fetching.await?, id))
    }

    /// Starts to fetch the keys: to its end, whether anybody waits for them or not.
    fn fetch(&self, now: i64, client: Client) -> Fetching {
        let jwks = self.clone();
        let task = self.background.spawn(async move {
            let attempt = Attempt { jwks, now, fetched: Err(interrupted()) };
            let fetched = fetch(&attempt.jwks.url, &client).await;
            attempt.end(fetched)
        });
        async move { task.await.unwrap_or_else(|_| Err(interrupted())) }.boxed().shared()
    }

    // A panic while the lock is held cannot leave half a state: each change is a few assignments.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn recent_failure(&self, now: i64) -> Option<RequestError> {
        self.failed
            .as_ref()
            .filter(|(at, _)| is_within(Some(*at), now, PAUSE))
            .map(|(_, request_error)| request_error.clone())
    }
}

/// Notes what became of an attempt, also of one that is dropped with its runtime.
struct Attempt {
    jwks: Jwks,
    now: i64,
    fetched: Fetched,
}

impl Attempt {
    fn end(mut self, fetched: Fetched) -> Fetched {
        self.fetched = fetched;
        self.fetched.clone()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut cache = self.jwks.cache();
        cache.fetching = None;
        match &self.fetched {
            Ok(keys) => (cache.keys, cache.fetched_at, cache.failed) = (Arc::clone(keys), Some(self.now), None),
            Err(request_error) => {
                if !cache.keys.is_empty() {
                    // A caller that waits for the keys logs the error itself.
                    request_error.log();
                }
                cache.failed = Some((self.now, request_error.clone()));
            }
        }
    }
}

async fn fetch(url: &str, client: &Client) -> Fetched {
    let answer = transport::send(client.get(url), MAX_SET).await?;
    let wrong = |cause: String| RequestError::Contract(format!("the keys at `verify.jwks_url`: {cause}"));
    if !answer.status.is_success() {
        return Err(wrong(super::api_error::unexpected(&answer)));
    }
    let set = answer.json().map_err(wrong)?;
    // One key of a kind that is not known here must not take the others away.
    let keys = set.get("keys").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let keys: Arc<[Jwk]> = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
    if keys.is_empty() {
        return Err(wrong("there is none that can be used".into()));
    }
    Ok(keys)
}

fn interrupted() -> RequestError {
    RequestError::Unreachable { cause: "fetching the keys at `verify.jwks_url` was interrupted".into(), timeout: false }
}

fn find(keys: &[Jwk], id: Option<&str>) -> Vec<Jwk> {
    let fits = |key: &&Jwk| id.is_none() || key.common.key_id.as_deref() == id;
    keys.iter().filter(fits).cloned().collect()
}

/// Whether `at` is less than `seconds` ago. A clock that was set back says nothing.
fn is_within(at: Option<i64>, now: i64, seconds: i64) -> bool {
    at.is_some_and(|at| (0..seconds).contains(&(now - at)))
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").field("url", &self.url).finish_non_exhaustive()
    }
}
