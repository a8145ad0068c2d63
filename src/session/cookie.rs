//! The session cookie: its name, attributes and chunks. The only module that writes its `Set-Cookie`.
//!
//! Browsers store at most 4,096 bytes of name and value per cookie (RFC 6265 §6.1), so a longer value
//! is split into chunks: `vestibule` holds `<count>.<first part>`, `vestibule.1` the second part, and
//! so on. Sealed values contain no dot.
//!
//! Cookies do not distinguish ports (RFC 6265 §8.5): two servers on one host name receive each other's cookies.
//! `session.cookie_name` keeps them apart.

use std::borrow::Cow;

use axum::http::HeaderValue;
use cookie::{Cookie, SameSite, time::Duration};

use crate::cookie_name::HOST_PREFIX;

/// The maximum size of a cookie's name and value together in browsers, in bytes (RFC 6265 §6.1).
pub const MAX_COOKIE: usize = 4096;
/// The maximum number of chunks of one session.
pub const MAX_CHUNKS: usize = 5;

/// The name and attributes of the session cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookiePolicy {
    name: Box<str>,
    secure: bool,
    same_site: SameSite,
}

/// The session does not fit into its cookies.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the sealed session is {size} bytes and the cookies hold {max}: keep fewer user fields (`user.keep` of the contract), or keep sessions in Redis (`session.store`)"
)]
pub struct TooLarge {
    /// The size of the sealed session, in bytes.
    pub size: usize,
    /// The capacity of the cookies, in bytes.
    pub max: usize,
}

impl CookiePolicy {
    /// A cookie named `base`. On https it is `Secure` and has the `__Host-` prefix, which binds it to this host
    /// (RFC 6265bis §4.1.3.2). On plain http, which is for loopback only, it has neither.
    pub fn new(base: &str, https: bool, strict: bool) -> Self {
        let name = format!("{}{base}", if https { HOST_PREFIX } else { "" }).into();
        Self { name, secure: https, same_site: if strict { SameSite::Strict } else { SameSite::Lax } }
    }

    /// The cookie's name, with the prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads the sealed value of a request, joined from its chunks. The value is malformed if a chunk is missing or a
    /// name occurs twice: one of the two may be planted, and they cannot be told apart.
    pub(crate) fn read<'a>(&self, cookies: &'a [HeaderValue]) -> CookieValue<'a> {
        let own = self.own(cookies);
        if own.is_empty() {
            return CookieValue::Missing;
        }
        join(&own).map_or(CookieValue::Malformed, CookieValue::Complete)
    }

    /// The session's cookies among the `Cookie` headers of a request, as number and value of each chunk.
    fn own<'a>(&self, cookies: &'a [HeaderValue]) -> Vec<(usize, &'a [u8])> {
        cookies.iter().flat_map(|value| pairs(value.as_bytes())).filter_map(|pair| self.chunk(pair)).collect()
    }

    /// The chunk number (from 0) and value of a cookie pair, if it is a chunk.
    fn chunk<'a>(&self, pair: &'a [u8]) -> Option<(usize, &'a [u8])> {
        let rest = pair.strip_prefix(self.name().as_bytes())?;
        let (number, value) = rest.split_at(rest.iter().position(|byte| *byte == b'=')?);
        let index = match number {
            b"" => 0,
            [b'.', number @ ..] => {
                let number = std::str::from_utf8(number).ok()?.parse().ok();
                number.filter(|index| (1..MAX_CHUNKS).contains(index))?
            }
            _ => return None,
        };
        Some((index, &value[1..]))
    }

    /// The `Set-Cookie` values that store `sealed` for `max_age` seconds (`None`: until the browser closes), and remove
    /// surplus chunks of a longer predecessor in `request`'s `Cookie` headers.
    ///
    /// # Errors
    /// If the value needs more than [`MAX_CHUNKS`] cookies.
    pub(crate) fn store(
        &self,
        sealed: &str,
        max_age: Option<i64>,
        request: &[HeaderValue],
    ) -> Result<Vec<HeaderValue>, TooLarge> {
        let values = self.split(sealed)?;
        let stale = self.stale(request, values.len());
        let set = values.into_iter().enumerate().map(|(index, value)| {
            let mut cookie = self.cookie(index, value);
            cookie.set_max_age(max_age.map(Duration::seconds));
            header_value(&cookie)
        });
        Ok(set.chain(stale).flatten().collect())
    }

    /// The `Set-Cookie` values that remove the session: the first cookie always, other chunks if `request` has them.
    pub(crate) fn remove(&self, request: &[HeaderValue]) -> Vec<HeaderValue> {
        let first = self.removal(0);
        std::iter::once(first).chain(self.stale(request, 1)).flatten().collect()
    }

    /// Checks that a value of `size` bytes fits into the cookies.
    ///
    /// # Errors
    /// If it does not fit.
    pub(crate) fn check(&self, size: usize) -> Result<(), TooLarge> {
        let max = self.capacity() * MAX_CHUNKS;
        if size > max { Err(TooLarge { size, max }) } else { Ok(()) }
    }

    /// The capacity of one cookie, in bytes. The longest name is that of a chunk, with `.N`; the first chunk has `N.` in
    /// its value instead. The `=` is included, as some browsers count it.
    fn capacity(&self) -> usize {
        MAX_COOKIE - self.name().len() - 3
    }

    fn split(&self, sealed: &str) -> Result<Vec<String>, TooLarge> {
        self.check(sealed.len())?;
        let capacity = self.capacity();
        if sealed.len() <= capacity {
            return Ok(vec![sealed.to_owned()]);
        }
        let mut parts: Vec<String> =
            sealed.as_bytes().chunks(capacity).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
        let count = parts.len();
        if let Some(first) = parts.first_mut() {
            first.insert_str(0, &format!("{count}."));
        }
        Ok(parts)
    }

    /// The `Set-Cookie` values that remove the chunks of `request` from number `from` on.
    fn stale(&self, request: &[HeaderValue], from: usize) -> Vec<Option<HeaderValue>> {
        let own = self.own(request);
        let mut indexes: Vec<usize> = own.iter().map(|(index, _)| *index).filter(|index| *index >= from).collect();
        indexes.sort_unstable();
        indexes.dedup();
        indexes.into_iter().map(|index| self.removal(index)).collect()
    }

    fn removal(&self, index: usize) -> Option<HeaderValue> {
        let mut cookie = self.cookie(index, String::new());
        cookie.set_max_age(Duration::ZERO);
        // For browsers that do not support Max-Age.
        cookie.set_expires(cookie::time::OffsetDateTime::UNIX_EPOCH);
        header_value(&cookie)
    }

    fn cookie(&self, index: usize, value: String) -> Cookie<'static> {
        let name = if index == 0 { self.name().to_owned() } else { format!("{}.{index}", self.name()) };
        Cookie::build((name, value)).path("/").http_only(true).secure(self.secure).same_site(self.same_site).build()
    }
}

/// The `name=value` pairs of one `Cookie` header (RFC 6265 §4.2.1).
pub(super) fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(field);
    std::iter::from_fn(move || {
        let field = rest?;
        let end = memchr::memchr(b';', field);
        rest = end.map(|end| &field[end + 1..]);
        Some(field[..end.unwrap_or(field.len())].trim_ascii())
    })
}

/// Joins the chunks of a value.
fn join<'a>(own: &[(usize, &'a [u8])]) -> Option<Cow<'a, [u8]>> {
    let chunk = |wanted: usize| {
        let mut found = own.iter().filter(|(index, _)| *index == wanted);
        let (Some((_, value)), None) = (found.next(), found.next()) else { return None };
        Some(*value)
    };
    let first = chunk(0)?;
    // The count is one digit, so a long value need not be searched for a dot.
    let &[count, b'.', ..] = first else { return Some(Cow::Borrowed(first)) };
    let count = usize::from(count.wrapping_sub(b'0'));
    if !(2..=MAX_CHUNKS).contains(&count) {
        return None;
    }
    let joined = (1..count).try_fold(first[2..].to_vec(), |mut joined, index| {
        joined.extend_from_slice(chunk(index)?);
        Some(joined)
    });
    joined.map(Cow::Owned)
}

/// The session cookie of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CookieValue<'a> {
    /// No session cookie.
    Missing,
    /// Session cookies that do not form a value.
    Malformed,
    /// The sealed value.
    Complete(Cow<'a, [u8]>),
}

// The parts are ASCII without control characters, so this is never `None`. If it were, a lost cookie would be a
// logout, and a panic an outage.
fn header_value(cookie: &Cookie<'_>) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(cookie.to_string()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookie_name::is_own_cookie;

    fn policy(https: bool, strict: bool) -> CookiePolicy {
        CookiePolicy::new("vestibule", https, strict)
    }

    fn request(cookies: &[&str]) -> Vec<HeaderValue> {
        cookies.iter().map(|value| HeaderValue::from_str(value).unwrap()).collect()
    }

    fn texts(values: &[HeaderValue]) -> Vec<&str> {
        values.iter().map(|value| value.to_str().unwrap()).collect()
    }

    #[test]
    fn has_every_flag_on_https() {
        let set = policy(true, false).store("abc", Some(60), &request(&[])).unwrap();
        assert_eq!(texts(&set), ["__Host-vestibule=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"]);
    }

    #[test]
    fn has_no_prefix_and_no_secure_on_plain_http() {
        let set = policy(false, true).store("abc", None, &request(&[])).unwrap();
        assert_eq!(texts(&set), ["vestibule=abc; HttpOnly; SameSite=Strict; Path=/"]);
    }

    #[test]
    fn has_the_configured_name() {
        let policy = CookiePolicy::new("shop", true, false);
        let set = policy.store("abc", None, &request(&[])).unwrap();
        assert_eq!(texts(&set), ["__Host-shop=abc; HttpOnly; SameSite=Lax; Secure; Path=/"]);
        assert_eq!(
            policy.read(&request(&["__Host-vestibule=a; shop=b; __Host-shop=c"])),
            CookieValue::Complete(b"c".into())
        );
        let others = request(&["__Host-vestibule=2.a; __Host-vestibule.1=b"]);
        assert_eq!((policy.read(&others), policy.remove(&others).len()), (CookieValue::Missing, 1), "another server's");
    }

    #[test]
    fn knows_the_servers_own_cookies() {
        for name in [
            "vestibule",
            "__Host-vestibule",
            "vestibule.0",
            "__Host-vestibule.12",
            "__host-Vestibule.1",
            "vestibule-known",
            "__Host-vestibule-known",
        ] {
            assert!(is_own_cookie("vestibule", name.as_bytes()), "{name}");
            assert!(!is_own_cookie("shop", name.as_bytes()), "{name}");
        }
        for name in ["", "vest", "vestibules", "my-vestibule", "__Host-", "__Host-other", "__Secure-vestibule"] {
            assert!(!is_own_cookie("vestibule", name.as_bytes()), "{name}");
        }
        assert!(!is_own_cookie("vestibule", "vestibul\u{e9}".as_bytes()));
    }

    #[test]
    fn removes_with_the_same_flags() {
        let removed = policy(true, false).remove(&request(&[]));
        assert_eq!(
            texts(&removed),
            [
                "__Host-vestibule=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
            ]
        );
    }

    #[test]
    fn reads_one_among_others() {
        let policy = policy(false, false);
        let cookies = request(&["a=b; vestibule=abc;c=d", "theme=dark"]);
        assert_eq!(policy.read(&cookies), CookieValue::Complete(b"abc".into()));
        let foreign = HeaderValue::from_bytes("name=J\u{fc}rgen; vestibule=abc".as_bytes()).unwrap();
        assert_eq!(policy.read(&[foreign]), CookieValue::Complete(b"abc".into()), "despite another cookie's bytes");
        assert_eq!(policy.read(&request(&["a=b; vestibuled=x; Vestibule=y"])), CookieValue::Missing);
    }

    #[test]
    fn rejects_duplicates() {
        let policy = policy(false, false);
        assert_eq!(policy.read(&request(&["vestibule=a; vestibule=b"])), CookieValue::Malformed);
        assert_eq!(policy.read(&request(&["vestibule=a", "vestibule=a"])), CookieValue::Malformed);
    }

    #[test]
    fn splits_long_values_and_joins_them_in_any_order() {
        let policy = policy(true, false);
        for size in [4077, 4078, 9_000, 4077 * MAX_CHUNKS] {
            let sealed: String = ('a'..='z').cycle().take(size).collect();
            let set = policy.store(&sealed, None, &request(&[])).unwrap();
            let mut pairs: Vec<String> =
                texts(&set).iter().map(|text| text.split(';').next().unwrap().to_owned()).collect();
            assert!(pairs.iter().all(|pair| pair.len() <= MAX_COOKIE), "{size}");
            pairs.reverse();
            assert_eq!(
                policy.read(&request(&[&pairs.join("; ")])),
                CookieValue::Complete(sealed.into_bytes().into()),
                "{size}"
            );
        }
    }

    #[test]
    fn reports_a_value_that_is_too_large() {
        let error = policy(true, false).store(&"a".repeat(30_000), None, &request(&[])).unwrap_err();
        assert_eq!(error, TooLarge { size: 30_000, max: 20_385 });
        let text = error.to_string();
        assert!(["30000", "20385", "session.store"].iter().all(|part| text.contains(part)), "{text}");
    }

    #[test]
    fn is_malformed_without_one_of_its_chunks() {
        let policy = policy(false, false);
        for cookies in
            ["vestibule=3.a; vestibule.1=b", "vestibule.1=b", "vestibule=9.a", "vestibule=x.a", "vestibule=1.a"]
        {
            assert_eq!(policy.read(&request(&[cookies])), CookieValue::Malformed, "{cookies}");
        }
    }

    #[test]
    fn removes_stale_chunks() {
        let policy = policy(false, false);
        let before = request(&["vestibule=3.a; vestibule.1=b; vestibule.2=c"]);
        let set = policy.store("short", None, &before).unwrap();
        let names: Vec<_> = texts(&set).iter().map(|text| text.split('=').next().unwrap()).collect();
        assert_eq!(names, ["vestibule", "vestibule.1", "vestibule.2"]);
        assert!(texts(&set)[1].contains("Max-Age=0") && texts(&set)[2].contains("Max-Age=0"));
        assert_eq!(policy.remove(&before).len(), 3);
    }
}
