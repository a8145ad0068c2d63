//! The opaque name by which a browser asks for a session that a server keeps.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::record::SessionId;
use crate::random::Random;

/// 256 random bits. Whoever has them has the session, so they are in the cookie and nowhere else:
/// the store and the logs know the [`SessionId`] that is made from them, from which there is no way
/// back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket([u8; 32]);

impl Ticket {
    /// Draws a new one.
    pub(crate) fn random(random: &Random) -> Self {
        Self(random.bytes())
    }

    /// Reads what [`Ticket::to_text`] wrote.
    pub(crate) fn parse(text: impl AsRef<[u8]>) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The value of the cookie: 43 characters of base64url.
    pub(crate) fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The session that it opens.
    pub(crate) fn session(self) -> SessionId {
        let print = Sha256::digest(self.0);
        let mut id = [0; 16];
        id.copy_from_slice(&print[..16]);
        SessionId::from(id)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let ticket = Ticket::random(&Random::seeded(1));
        let text = ticket.to_text();
        assert_eq!((text.len(), Ticket::parse(&text)), (43, Some(ticket)));
        for wrong in ["", "AAAA", &text[1..], &format!("{text}A"), "ü"] {
            assert_eq!(Ticket::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_one_session() {
        let random = Random::seeded(1);
        let (one, other) = (Ticket::random(&random), Ticket::random(&random));
        assert_eq!(one.session(), one.session());
        assert_ne!(one.session(), other.session());
    }
}
