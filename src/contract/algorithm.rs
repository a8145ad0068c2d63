//! The signature algorithms of tokens.

use jsonwebtoken::Algorithm as Jwa;
use serde::{Deserialize, Serialize};

/// A signature algorithm of a JWT (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// RSA, PKCS #1 v1.5, with SHA-256.
    RS256,
    /// RSA, PKCS #1 v1.5, with SHA-384.
    RS384,
    /// RSA, PKCS #1 v1.5, with SHA-512.
    RS512,
    /// RSA, PSS, with SHA-256.
    PS256,
    /// RSA, PSS, with SHA-384.
    PS384,
    /// RSA, PSS, with SHA-512.
    PS512,
    /// Ed25519.
    EdDSA,
}

/// Each algorithm with its counterpart in the library that checks signatures.
const TABLE: [(Algorithm, Jwa); 12] = [
    (Algorithm::HS256, Jwa::HS256),
    (Algorithm::HS384, Jwa::HS384),
    (Algorithm::HS512, Jwa::HS512),
    (Algorithm::ES256, Jwa::ES256),
    (Algorithm::ES384, Jwa::ES384),
    (Algorithm::RS256, Jwa::RS256),
    (Algorithm::RS384, Jwa::RS384),
    (Algorithm::RS512, Jwa::RS512),
    (Algorithm::PS256, Jwa::PS256),
    (Algorithm::PS384, Jwa::PS384),
    (Algorithm::PS512, Jwa::PS512),
    (Algorithm::EdDSA, Jwa::EdDSA),
];

impl Algorithm {
    /// The algorithm that a token's header names, if it is one of these.
    pub(crate) fn of(jwa: Jwa) -> Option<Self> {
        TABLE.iter().find(|(_, theirs)| *theirs == jwa).map(|(own, _)| *own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_names_of_the_standard() {
        for (own, theirs) in TABLE {
            let name = serde_json::to_value(own).unwrap();
            assert_eq!(name, serde_json::to_value(theirs).unwrap());
            assert_eq!((name, Algorithm::of(theirs)), (format!("{own:?}").into(), Some(own)));
        }
        assert!(serde_json::from_str::<Algorithm>("\"none\"").is_err());
    }
}
