//! Reads and writes the query of a URL, the same on the server and in the browser.

use std::fmt::Write;

use leptos::prelude::*;
use leptos_router::{
    hooks::{use_location, use_url},
    location::Location,
};

/// The query of the page's URL. It follows the URL as long as the page is shown, and not to the next page.
/// What was typed into a form that the server hands back is in it, where the URL has no room for it.
pub(crate) fn use_query() -> Memo<Query> {
    let url = use_url();
    Memo::new(move |_| {
        let query = url.with(|url| Query::parse(url.search()));
        #[cfg(feature = "ssr")]
        let query = query.with(crate::hand_back::typed());
        query
    })
}

/// The path and query of the page that the router is at.
pub(crate) fn here() -> String {
    path_of(&use_location())
}

/// The same where the router is not at hand.
pub(crate) fn path_of(location: &Location) -> String {
    let (path, search) = (location.pathname.get_untracked(), location.search.get_untracked());
    if search.is_empty() { path } else { format!("{path}?{search}") }
}

/// The fields of a query, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query without its `?`, as `application/x-www-form-urlencoded`.
    pub(crate) fn parse(search: &str) -> Self {
        let pairs = search.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(name), unescape(value))
        });
        Self(pairs.collect())
    }

    #[cfg(feature = "ssr")]
    fn with(mut self, fields: Vec<(String, String)>) -> Self {
        self.0.extend(fields);
        self
    }

    /// The first value of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a field, or the empty text.
    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }
}

/// What a field tells, if anything.
pub(crate) fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// A path with a query: fields without a value are left out.
pub(crate) fn path(path: &str, fields: &[(&str, &str)]) -> String {
    let mut url = path.to_owned();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        url.push(if url.len() == path.len() { '?' } else { '&' });
        escape_into(&mut url, name);
        url.push('=');
        escape_into(&mut url, value);
    }
    url
}

/// Percent-encodes all but the unreserved characters (RFC 3986 §2.3).
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(&mut out, text);
    out
}

fn escape_into(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes().iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => match hex_pair(bytes.as_slice()) {
                Some(decoded) => {
                    out.push(decoded);
                    bytes.nth(1);
                }
                None => out.push(b'%'),
            },
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let (high, low) = (digit(bytes.first()?)?, digit(bytes.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::{Query, path};

    #[test]
    fn writes_what_it_reads() {
        let words = "50% of “tea & milk”\r\n= a+b?#%20";
        let url = path("/notes", &[("q", words), ("page", "2")]);
        let query = Query::parse(url.split_once('?').unwrap().1);
        assert_eq!(query.get("q"), Some(words));
        assert_eq!(query.get("page"), Some("2"));
        assert_eq!(query.get("none"), None);
    }

    #[test]
    fn leaves_empty_fields_out() {
        assert_eq!(path("/notes", &[("q", ""), ("page", "")]), "/notes");
        assert_eq!(path("/login", &[("error", ""), ("return_to", "/notes?q=a")]), "/login?return_to=%2Fnotes%3Fq%3Da");
    }

    #[test]
    fn takes_a_broken_query_as_it_is() {
        let query = Query::parse("a=%&b=%zz&c=1%2&&d&=x&e=%F6");
        assert_eq!(query.get("a"), Some("%"));
        assert_eq!(query.get("b"), Some("%zz"));
        assert_eq!(query.get("c"), Some("1%2"));
        assert_eq!(query.get("d"), Some(""));
        assert_eq!(query.get("e"), Some("\u{fffd}"));
    }
}
