//! The session's own tokens, for which a response is searched.

use std::sync::Arc;

use super::jwt::{self, Jwt};
use crate::{
    secret::Secret,
    session::Record,
    token_fingerprint::{Fingerprint, Fragment},
};

/// The tokens of the session that a call belongs to, if it belongs to one.
#[derive(Default)]
pub(in crate::proxy) struct SessionTokens(Option<Arc<Record>>);

impl SessionTokens {
    /// The tokens of `record`.
    pub(in crate::proxy) fn new(record: Option<&Arc<Record>>) -> Self {
        Self(record.map(Arc::clone))
    }

    fn tokens(&self) -> impl Iterator<Item = &Secret> {
        self.0.as_deref().into_iter().flat_map(|it| [Some(&it.access_token), it.refresh_token.as_ref()]).flatten()
    }

    /// Parts of those that are not JWTs.
    pub(super) fn fragments(&self) -> impl Iterator<Item = &Fragment> {
        self.tokens().filter_map(|token| match token.fingerprint() {
            Some(Fingerprint::Fragment(fragment)) => Some(fragment),
            Some(Fingerprint::Jwt) | None => None,
        })
    }

    fn jwts(&self) -> impl Iterator<Item = &str> {
        let jwts = self.tokens().filter(|token| matches!(token.fingerprint(), Some(Fingerprint::Jwt)));
        jwts.map(Secret::expose)
    }

    /// Whether `text` begins as one of the session's JWTs does, up to and with the first dot: `None` when it is too
    /// short to tell.
    pub(super) fn begins_like_own(&self, text: &[u8]) -> Option<bool> {
        let mut open = false;
        for token in self.jwts() {
            let head = jwt::head(token.as_bytes());
            if text.starts_with(head) {
                return Some(true);
            }
            open |= head.starts_with(text);
        }
        if open { None } else { Some(false) }
    }

    /// Whether a JWT is one of the session's own, or another of their kind: of the same issuer, for the same audience,
    /// with the same algorithm and type.
    pub(super) fn is_of_own_kind(&self, found: &Jwt<'_>) -> bool {
        let own = self.jwts().filter_map(|token| Jwt::whole(token.as_bytes()));
        own.into_iter().any(|own| own.kind() == found.kind())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::session::record;

    /// The tokens of a logged-in user.
    pub(in super::super) fn known(access: &str, refresh: Option<&str>) -> SessionTokens {
        SessionTokens::new(Some(&Arc::new(Record {
            access_token: Secret::new(access),
            refresh_token: refresh.map(Secret::new),
            ..record()
        })))
    }

    #[test]
    fn knows_its_own_by_their_beginning() {
        let known = known("eyJpdiI6IjEifQ.x", Some("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"));
        assert_eq!(known.fragments().count(), 0);
        assert_eq!(known.begins_like_own(b"eyJpdiI6IjEifQ.anything"), Some(true));
        assert_eq!(known.begins_like_own(b"eyJhbGciOiJIUzI1NiJ9."), Some(true));
        assert_eq!(known.begins_like_own(b"eyJpdi"), None);
        assert_eq!(known.begins_like_own(b"eyJpdI6"), Some(false));
        assert_eq!(SessionTokens::default().begins_like_own(b"eyJ"), Some(false));
    }
}
