//! Names of the cookies that this server sets.

/// The name prefix by which browsers bind a cookie to its host (RFC 6265bis §4.1.3.2).
pub(crate) const HOST_PREFIX: &str = "__Host-";

/// Whether a cookie name belongs to this server, where `base` is `session.cookie_name`: the session cookie, its chunks
/// `<base>.N` and all names `<base>-…`, with and without the `__Host-` prefix. An upstream may never set one of them.
///
/// ```
/// use vestibule::session::is_own_cookie;
///
/// assert!(is_own_cookie("app", b"__Host-app.1") && is_own_cookie("app", b"app-known"));
/// assert!(!is_own_cookie("app", b"apple"));
/// ```
pub fn is_own_cookie(base: &str, name: &[u8]) -> bool {
    let prefix = name.get(..HOST_PREFIX.len()).filter(|start| start.eq_ignore_ascii_case(HOST_PREFIX.as_bytes()));
    let plain = prefix.map_or(name, |prefix| &name[prefix.len()..]);
    let Some((start, rest)) = plain.split_at_checked(base.len()) else { return false };
    start.eq_ignore_ascii_case(base.as_bytes()) && matches!(rest, [] | [b'.' | b'-', ..])
}
