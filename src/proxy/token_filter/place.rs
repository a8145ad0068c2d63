//! The contract's token places, prepared for the search.

use http::HeaderName;
use memchr::memmem::Finder;

use super::Pointer;
use crate::contract::TokenLocation;

/// A shorter end that names have in common would be found too often.
const MIN_COMMON: usize = 5;
/// How a character begins that JSON has as an escape (RFC 8259 §7); for a letter, one of `4` to `7` follows.
const ESCAPE: &[u8] = b"\\u00";
/// The most places that are followed at once: one bit each.
const MAX_POINTERS: usize = 32;

/// The token locations of the contract.
#[derive(Debug)]
pub(super) struct TokenLocations {
    pointers: Vec<Pointer>,
    needles: Vec<Needle>,
    headers: Vec<HeaderName>,
    cookies: Vec<String>,
}

/// A text that occurs in any JSON with a token location.
#[derive(Debug)]
pub(super) enum Needle {
    /// A name, or the end of it.
    Name(Finder<'static>),
    /// A letter as an escape.
    Escape(Finder<'static>),
}

impl TokenLocations {
    pub(super) fn new(places: &[TokenLocation]) -> Self {
        let (mut pointers, mut headers, mut cookies) = (Vec::new(), Vec::new(), Vec::new());
        for place in places {
            match place {
                TokenLocation::Pointer(text) => pointers.push(Pointer::new(text)),
                TokenLocation::Header(it) => headers.extend(HeaderName::try_from(it.header.as_str())),
                TokenLocation::Cookie(it) => cookies.push(it.cookie.clone()),
            }
        }
        pointers.dedup();
        pointers.truncate(MAX_POINTERS);
        Self { needles: needles(&pointers), pointers, headers, cookies }
    }

    pub(super) fn pointers(&self) -> &[Pointer] {
        &self.pointers
    }

    pub(super) fn needles(&self) -> &[Needle] {
        &self.needles
    }

    pub(super) fn headers(&self) -> &[HeaderName] {
        &self.headers
    }

    pub(super) fn cookies(&self) -> &[String] {
        &self.cookies
    }
}

impl Needle {
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        match self {
            Self::Name(name) => name.find(text).is_some(),
            Self::Escape(begin) => {
                let is_letter = |at: usize| matches!(text.get(at + ESCAPE.len()), Some(b'4'..=b'7'));
                begin.find_iter(text).any(is_letter)
            }
        }
    }

    pub(super) fn is_name(&self) -> bool {
        matches!(self, Self::Name(_))
    }

    /// How long what it looks for is, in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Name(name) => name.needle().len(),
            Self::Escape(begin) => begin.needle().len() + 1,
        }
    }
}

/// The texts to search for: the end that all names have in common if that is long enough, else each of them.
fn needles(pointers: &[Pointer]) -> Vec<Needle> {
    let needle = |bytes: &[u8]| Needle::Name(Finder::new(bytes).into_owned());
    let Some(keys) = pointers.iter().map(Pointer::key).collect::<Option<Vec<_>>>() else {
        // An item of a list has no name: every string may be the one.
        return vec![needle(b"\"")];
    };
    let Some(first) = keys.first() else { return Vec::new() };
    let common = keys.iter().fold(first.as_slice(), |common, key| common_end(common, key));
    let mut needles = vec![Needle::Escape(Finder::new(ESCAPE))];
    if common.len() >= MIN_COMMON {
        needles.push(needle(common));
    } else {
        needles.extend(keys.iter().map(|key| needle(key)));
    }
    needles
}

fn common_end<'a>(one: &'a [u8], other: &[u8]) -> &'a [u8] {
    let length = one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count();
    &one[one.len() - length..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pointers: &[&str]) -> Vec<String> {
        let places: Vec<_> = pointers.iter().map(|it| TokenLocation::Pointer((*it).into())).collect();
        let text = |needle: &Needle| match needle {
            Needle::Name(it) | Needle::Escape(it) => String::from_utf8(it.needle().to_vec()).unwrap(),
        };
        TokenLocations::new(&places).needles.iter().map(text).collect()
    }

    #[test]
    fn takes_letters_alone_for_escaped_names() {
        let places = TokenLocations::new(&[TokenLocation::Pointer("/token".into())]);
        let is_in = |text: &str| places.needles[0].is_in(text.as_bytes());
        assert!(is_in("caf\\u00e9 t\\u006fken") && is_in("access\\u005ftoken"));
        assert!(!is_in("caf\\u00e9 \\u003c \\u0027 \\u00"));
    }

    #[test]
    fn searches_once_for_names_that_end_alike() {
        assert_eq!(found(&["/access_token", "/refresh_token"]), ["\\u00", "_token\""]);
        assert_eq!(found(&["/data/jwt", "/data/refresh"]), ["\\u00", "\"jwt\"", "\"refresh\""]);
        assert_eq!(found(&["/tokens/0"]), ["\""]);
        assert_eq!(found(&[]), [""; 0]);
    }
}
