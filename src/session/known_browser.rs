//! The known-browser cookie, which marks a browser that has logged in before.
//!
//! It is a separate cookie, which holds no token and outlives the session. With it, the browser's login attempts at the
//! same account count separately from those of strangers, who could otherwise lock out the account's owner by guessing.
//! A copy of it grants a few more guesses a minute, and nothing else.
//!
//! The value is base64url of `version ‖ nonce ‖ AES-256-GCM(id ‖ time ‖ account…)`. An account is a hash of its name,
//! keyed by this browser's id.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use axum::http::HeaderValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cookie::{Cookie, SameSite, time::Duration};
use sha2::{Digest, Sha256};

use super::cookie::pairs;
use crate::{key::Key, random::Random};

const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 12;
const ID_LENGTH: usize = 16;
const TIME_LENGTH: usize = 8;
const ACCOUNT_LENGTH: usize = 16;
/// The maximum number of accounts that one browser is known to.
const MAX_ACCOUNTS: usize = 8;
/// The lifetime of the cookie, in seconds. Browsers keep a cookie for at most 400 days (RFC 6265bis §5.5).
const LIFETIME: i64 = 365 * 24 * 60 * 60;
/// The suffix of the cookie's name, after the name of the session cookie.
const SUFFIX: &str = "-known";

/// The random id by which attempts of a known browser are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BrowserId([u8; ID_LENGTH]);

/// Reads and writes the known-browser cookie.
pub(crate) struct KnownBrowsers {
    name: String,
    secure: bool,
    /// The first key seals, all keys open.
    ciphers: Vec<Aes256Gcm>,
    random: Random,
}

/// The content of the cookie.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KnownBrowser {
    id: BrowserId,
    /// In the order of their last login.
    accounts: Vec<[u8; ACCOUNT_LENGTH]>,
}

impl KnownBrowsers {
    /// Creates the reader and writer for the session cookie of this name.
    pub(crate) fn new(session_cookie: &str, https: bool, keys: &[Key], random: Random) -> Self {
        let ciphers = keys.iter().map(|key| Aes256Gcm::new(&own_key(key).into())).collect();
        Self { name: format!("{session_cookie}{SUFFIX}"), secure: https, ciphers, random }
    }

    /// Reads the cookie among the `Cookie` headers of a request, at `now` in seconds since the epoch. A name that occurs
    /// twice is ignored, as one of the two may be planted.
    pub(crate) fn read(&self, cookies: &[HeaderValue], now: i64) -> Option<KnownBrowser> {
        let all = cookies.iter().flat_map(|field| pairs(field.as_bytes()));
        let mut own = all.filter_map(|pair| pair.strip_prefix(self.name.as_bytes())?.strip_prefix(b"="));
        let (Some(value), None) = (own.next(), own.next()) else { return None };
        self.open(value, now)
    }

    /// The `Set-Cookie` value that marks a browser as known to `account` too; `None` if there is no key.
    pub(crate) fn remember(&self, before: Option<KnownBrowser>, account: &str, now: i64) -> Option<HeaderValue> {
        let before =
            before.unwrap_or_else(|| KnownBrowser { id: BrowserId(self.random.bytes()), accounts: Vec::new() });
        let sealed = self.seal(&before.with(account), now)?;
        let cookie = Cookie::build((self.name.as_str(), sealed))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            // Logins come from this site's own pages.
            .same_site(SameSite::Strict)
            .max_age(Duration::seconds(LIFETIME))
            .build();
        let mut value = HeaderValue::try_from(cookie.to_string()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn seal(&self, browser: &KnownBrowser, now: i64) -> Option<String> {
        let nonce: [u8; NONCE_LENGTH] = self.random.bytes();
        let body = [&browser.id.0[..], &now.to_be_bytes()[..], browser.accounts.as_flattened()].concat();
        let payload = Payload { msg: &body, aad: self.name.as_bytes() };
        let sealed = self.ciphers.first()?.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(URL_SAFE_NO_PAD.encode([&[VERSION][..], &nonce[..], &sealed[..]].concat()))
    }

    fn open(&self, value: &[u8], now: i64) -> Option<KnownBrowser> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (nonce, sealed) = bytes.strip_prefix(&[VERSION])?.split_first_chunk::<NONCE_LENGTH>()?;
        let payload = || Payload { msg: sealed, aad: self.name.as_bytes() };
        let body = self.ciphers.iter().find_map(|cipher| cipher.decrypt(&Nonce::from(*nonce), payload()).ok())?;
        let (id, rest) = body.split_first_chunk::<ID_LENGTH>()?;
        let (time, accounts) = rest.split_first_chunk::<TIME_LENGTH>()?;
        let is_fresh = now.saturating_sub(i64::from_be_bytes(*time)) <= LIFETIME;
        let (accounts, _) = accounts.as_chunks();
        is_fresh.then(|| KnownBrowser { id: BrowserId(*id), accounts: accounts.to_vec() })
    }
}

impl KnownBrowser {
    /// The browser's id, if it has logged in to `account` before.
    pub(crate) fn id_for(&self, account: &str) -> Option<BrowserId> {
        self.accounts.contains(&self.id.hash(account)).then_some(self.id)
    }

    fn with(mut self, account: &str) -> Self {
        let account = self.id.hash(account);
        self.accounts.retain(|other| *other != account);
        if self.accounts.len() >= MAX_ACCOUNTS {
            self.accounts.remove(0);
        }
        self.accounts.push(account);
        self
    }
}

impl BrowserId {
    #[cfg(test)]
    pub(crate) const fn of(bytes: [u8; ID_LENGTH]) -> Self {
        Self(bytes)
    }

    fn hash(self, account: &str) -> [u8; ACCOUNT_LENGTH] {
        let hash = Sha256::new().chain_update(self.0).chain_update(account).finalize();
        *hash.first_chunk().unwrap_or(&[0; ACCOUNT_LENGTH])
    }
}

/// Derives a key for this purpose only, so that no value sealed here opens as a session, or vice versa.
fn own_key(key: &Key) -> [u8; 32] {
    Sha256::new().chain_update("vestibule known browser\0").chain_update(key.bytes()).finalize().into()
}

impl fmt::Debug for KnownBrowsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownBrowsers").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Sealer;

    const NOW: i64 = 1_767_268_800;

    fn keys(seed: u64) -> Vec<Key> {
        vec![Key::random(&Random::seeded(seed))]
    }

    fn browsers(keys: &[Key]) -> KnownBrowsers {
        KnownBrowsers::new("__Host-vestibule", true, keys, Random::seeded(9))
    }

    /// The `Cookie` header that the browser sends for this `Set-Cookie`.
    fn sent(mark: &HeaderValue) -> HeaderValue {
        let text = mark.to_str().unwrap();
        HeaderValue::from_str(&format!("a=b; {}; c=d", text.split(';').next().unwrap())).unwrap()
    }

    #[test]
    fn knows_the_browser_at_its_accounts_only() {
        let browsers = browsers(&keys(1));
        let ada = browsers.read(&[sent(&browsers.remember(None, "ada", NOW).unwrap())], NOW).unwrap();
        let id = ada.id_for("ada").unwrap();
        assert_eq!(ada.id_for("grace"), None);
        let both = browsers.remember(Some(ada), "grace", NOW).unwrap();
        let both = browsers.read(&[sent(&both)], NOW).unwrap();
        assert_eq!((both.id_for("ada"), both.id_for("grace")), (Some(id), Some(id)));
    }

    #[test]
    fn has_every_flag() {
        let mark = browsers(&keys(1)).remember(None, "ada", NOW).unwrap();
        let text = mark.to_str().unwrap();
        assert!(text.starts_with("__Host-vestibule-known="), "{text}");
        assert!(text.ends_with("; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=31536000"), "{text}");
        assert!(mark.is_sensitive() && text.len() < 256);
    }

    #[test]
    fn holds_some_accounts_and_forgets_the_oldest() {
        let browsers = browsers(&keys(1));
        let mut mark = None;
        for number in 0..20 {
            let before = mark.map(|mark| browsers.read(&[sent(&mark)], NOW).unwrap());
            mark = browsers.remember(before, &number.to_string(), NOW);
        }
        let known = browsers.read(&[sent(&mark.unwrap())], NOW).unwrap();
        let accounts: Vec<_> = (0..20).filter(|number| known.id_for(&number.to_string()).is_some()).collect();
        assert_eq!(accounts, (12..20).collect::<Vec<_>>());
    }

    #[test]
    fn rejects_a_cookie_that_is_old_changed_planted_or_of_another_key() {
        let browsers = browsers(&keys(1));
        let mark = sent(&browsers.remember(None, "ada", NOW).unwrap());
        assert!(browsers.read(std::slice::from_ref(&mark), NOW + LIFETIME).is_some());
        assert_eq!(browsers.read(std::slice::from_ref(&mark), NOW + LIFETIME + 1), None);
        assert_eq!(browsers.read(&[mark.clone(), mark.clone()], NOW), None);
        assert_eq!(self::browsers(&keys(2)).read(std::slice::from_ref(&mark), NOW), None);
        let rotated = self::browsers(&[keys(2), keys(1)].concat());
        assert!(rotated.read(std::slice::from_ref(&mark), NOW).is_some());
        let changed = mark.to_str().unwrap().replacen("known=A", "known=B", 1);
        assert_eq!(browsers.read(&[changed.parse().unwrap()], NOW), None);
        let value = mark.to_str().unwrap().split("known=").nth(1).unwrap();
        for length in 0..value.find(';').unwrap() {
            let cut = format!("__Host-vestibule-known={}", &value[..length]);
            assert_eq!(browsers.read(&[cut.parse().unwrap()], NOW), None, "{length}");
        }
    }

    #[test]
    fn is_no_session() {
        let keys = keys(1);
        let mark = sent(&browsers(&keys).remember(None, "ada", NOW).unwrap());
        let value = mark.to_str().unwrap().split("known=").nth(1).unwrap().split(';').next().unwrap();
        for name in ["__Host-vestibule", "__Host-vestibule-known"] {
            assert_eq!(Sealer::new(&keys, Random::seeded(1)).open(name, value), None);
        }
    }
}
