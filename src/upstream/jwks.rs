//! The keys that an API publishes (RFC 7517), kept for a while.

use std::{fmt, sync::Arc};

use jsonwebtoken::jwk::Jwk;
use reqwest::Client;
use tokio::sync::Mutex;

use super::{Trouble, transport};

/// How long fetched keys serve, in seconds.
const LIFETIME: i64 = 600;
/// How long an unknown key id does not lead to another fetch, in seconds. Otherwise anybody with a
/// forged token could make this server call the API at will.
const PAUSE: i64 = 30;
/// The largest set of keys, in bytes.
const MAX_SET: usize = 256 * 1024;

/// The published keys. Clones share one cache.
#[derive(Clone)]
pub(super) struct Jwks {
    url: String,
    cache: Arc<Mutex<Cache>>,
}

#[derive(Default)]
struct Cache {
    keys: Vec<Jwk>,
    fetched_at: Option<i64>,
}

impl Jwks {
    pub(super) fn new(url: String) -> Self {
        Self { url, cache: Arc::default() }
    }

    /// The keys that a token with this key id may have been signed with. A key id that is not known
    /// yet means that the API has new keys, so they are fetched.
    pub(super) async fn keys(&self, id: Option<&str>, now: i64, client: &Client) -> Result<Vec<Jwk>, Trouble> {
        // Held across the fetch: log-ins that arrive together wait for one answer.
        let mut cache = self.cache.lock().await;
        let age = cache.fetched_at.map(|at| now - at);
        let known = cache.find(id);
        let fresh = age.is_some_and(|age| (0..LIFETIME).contains(&age));
        let pausing = age.is_some_and(|age| (0..PAUSE).contains(&age));
        if (fresh && !known.is_empty()) || pausing {
            return Ok(known);
        }
        match self.fetch(client).await {
            Ok(keys) => *cache = Cache { keys, fetched_at: Some(now) },
            // Better yesterday's keys than no log-in at all while the key server is away.
            Err(trouble) if !known.is_empty() => trouble.log(),
            Err(trouble) => return Err(trouble),
        }
        Ok(cache.find(id))
    }

    async fn fetch(&self, client: &Client) -> Result<Vec<Jwk>, Trouble> {
        let answer = transport::send(client.get(&self.url), MAX_SET).await?;
        let wrong = |cause: String| Trouble::Contract(format!("the keys at `verify.jwks_url`: {cause}"));
        if !answer.status.is_success() {
            return Err(wrong(super::failure::unexpected(&answer)));
        }
        let set = answer.json().map_err(wrong)?;
        // One key of a kind that is not known here must not take the others away.
        let keys = set.get("keys").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        let keys: Vec<Jwk> = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        if keys.is_empty() {
            return Err(wrong("there is none that can be used".into()));
        }
        Ok(keys)
    }
}

impl Cache {
    fn find(&self, id: Option<&str>) -> Vec<Jwk> {
        let fits = |key: &&Jwk| id.is_none() || key.common.key_id.as_deref() == id;
        self.keys.iter().filter(fits).cloned().collect()
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").field("url", &self.url).finish_non_exhaustive()
    }
}
