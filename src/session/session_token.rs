//! The opaque token in the cookie of a session that the server stores.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::record::SessionId;
use crate::random::Random;

/// 256 random bits that grant access to a session. They are only in the cookie: the store and the logs have the
/// [`SessionId`], a one-way hash of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionToken([u8; 32]);

impl SessionToken {
    /// Creates a random token.
    pub(crate) fn random(random: &Random) -> Self {
        Self(random.bytes())
    }

    /// Parses the output of [`SessionToken::to_text`].
    pub(crate) fn parse(text: impl AsRef<[u8]>) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The cookie value: 43 characters of base64url.
    pub(crate) fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The id of its session.
    pub(crate) fn id(self) -> SessionId {
        let hash = Sha256::digest(self.0);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        SessionId::from(id)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let token = SessionToken::random(&Random::seeded(1));
        let text = token.to_text();
        assert_eq!((text.len(), SessionToken::parse(&text)), (43, Some(token)));
        for wrong in ["", "AAAA", &text[1..], &format!("{text}A"), "ü"] {
            assert_eq!(SessionToken::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_one_session() {
        let random = Random::seeded(1);
        let (one, other) = (SessionToken::random(&random), SessionToken::random(&random));
        assert_eq!(one.id(), one.id());
        assert_ne!(one.id(), other.id());
    }
}
