//! How the access token's signature is checked.

use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize, Serializer};

use super::{Algorithm, ContractError, error::wrong};
use crate::secret::Secret;

/// How the access token's signature and claims are checked when it arrives. Exactly one of `secret`,
/// `public_key` and `jwks_url` says with what key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The secret that this server shares with the API (`HS256` and its kin).
    #[serde(default, serialize_with = "redacted", skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// The API's public key as PEM: RSA, EC or Ed25519.
    #[serde(default)]
    pub public_key: Option<String>,
    /// Where the API publishes its keys (RFC 7517 §5): a URL, or a path on the API.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// The required value of the claim `iss`.
    #[serde(default)]
    pub issuer: Option<String>,
    /// The required value of the claim `aud`, or one of its values.
    #[serde(default)]
    pub audience: Option<String>,
    /// The algorithms that are accepted; `none` never is. Empty means the usual one of the key's
    /// kind: `HS256`, `RS256`, `ES256`, `EdDSA`.
    #[serde(default)]
    pub algorithms: Vec<Algorithm>,
}

impl Verify {
    /// The public key from its PEM text, with the algorithms of its kind, the usual one first.
    pub(crate) fn parsed_public_key(pem: &str) -> Option<(DecodingKey, &'static [Algorithm])> {
        let pem = pem.as_bytes();
        (DecodingKey::from_rsa_pem(pem).map(|key| (key, RSA)))
            .or_else(|_| DecodingKey::from_ec_pem(pem).map(|key| (key, EC)))
            .or_else(|_| DecodingKey::from_ed_pem(pem).map(|key| (key, ED)))
            .ok()
    }

    /// The accepted algorithms of `kind`.
    pub(crate) fn accepted(&self, kind: &'static [Algorithm]) -> Vec<Algorithm> {
        if self.algorithms.is_empty() {
            return kind.first().copied().into_iter().collect();
        }
        self.algorithms.iter().filter(|algorithm| kind.contains(algorithm)).copied().collect()
    }

    pub(super) fn validate(&self) -> Result<(), ContractError> {
        let kind: Vec<Algorithm> = match (&self.secret, &self.public_key, &self.jwks_url) {
            (Some(secret), None, None) if secret.expose().is_empty() => {
                return wrong("verify.secret", "is empty: set it to the secret that the API signs with");
            }
            (Some(_), None, None) => HMAC.to_vec(),
            (None, Some(pem), None) => match Self::parsed_public_key(pem) {
                Some((_, kind)) => kind.to_vec(),
                None => return wrong("verify.public_key", "is no public key in PEM: RSA, EC or Ed25519"),
            },
            (None, None, Some(url)) => {
                if !url.starts_with('/') && !url.starts_with("https://") && !url.starts_with("http://") {
                    return wrong("verify.jwks_url", "must be a URL, or a path on the API that starts with `/`");
                }
                [RSA, EC, ED].concat()
            }
            _ => return wrong("verify", "needs exactly one of `secret`, `public_key` and `jwks_url`"),
        };
        // A public key must never serve as a shared secret, so the kinds do not mix.
        match self.algorithms.iter().find(|algorithm| !kind.contains(algorithm)) {
            Some(other) => wrong("verify.algorithms", &format!("has {other:?}, which does not go with that key")),
            None => Ok(()),
        }
    }
}

/// With a shared secret.
pub(crate) const HMAC: &[Algorithm] = &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
/// With an RSA key.
pub(crate) const RSA: &[Algorithm] =
    &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];
/// With an EC key.
pub(crate) const EC: &[Algorithm] = &[Algorithm::ES256, Algorithm::ES384];
/// With an Ed25519 key.
pub(crate) const ED: &[Algorithm] = &[Algorithm::EdDSA];

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn redacted<S: Serializer>(_: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("[redacted]")
}
