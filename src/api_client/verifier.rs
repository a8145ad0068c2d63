//! Checks an access token's signature and claims when it arrives.

use std::fmt;

use jsonwebtoken::{
    Algorithm as Jwa, DecodingKey, Validation, decode, decode_header,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, PublicKeyUse},
};
use reqwest::Client;
use serde_json::Value;
use url::Url;

use super::{RequestError, expiry::whole, jwks::Jwks};
use crate::{
    background::Background,
    contract::{Algorithm, EC, ED, HMAC, RSA, Verify},
    secret::Secret,
};

/// How far the API's clock may be off, in seconds.
const LEEWAY: i64 = 60;

/// A check of tokens, with the keys for it.
#[derive(Clone)]
pub(super) struct Verifier {
    verify: Verify,
    keys: Keys,
}

#[derive(Clone)]
enum Keys {
    Fixed(DecodingKey, &'static [Algorithm]),
    Published(Jwks),
    /// The contract has no usable key, which is ruled out when it is read: no token passes.
    None,
}

impl Verifier {
    /// With the keys that the contract names; a path among them is one on the API at `base`.
    pub(super) fn new(verify: &Verify, base: &Url, background: &Background) -> Self {
        let keys = if let Some(secret) = &verify.secret {
            DecodingKey::from_secret(secret.expose().as_bytes()).map_or(Keys::None, |key| Keys::Fixed(key, HMAC))
        } else if let Some((key, kind)) = verify.public_key.as_deref().and_then(Verify::parsed_public_key) {
            Keys::Fixed(key, kind)
        } else if let Some(url) = &verify.jwks_url {
            let base = base.as_str().trim_end_matches('/');
            let url = if url.starts_with('/') { format!("{base}{url}") } else { url.clone() };
            Keys::Published(Jwks::new(url, background.clone()))
        } else {
            Keys::None
        };
        Self { verify: verify.clone(), keys }
    }

    /// Whether the token is the API's own.
    pub(super) async fn check(&self, token: &Secret, now: i64, client: &Client) -> Result<(), RequestError> {
        let wrong = |cause: &str| RequestError::Contract(format!("the access token does not pass `verify`: {cause}"));
        let header = decode_header(token.expose())
            .map_err(|_| wrong("it is no JWT with an algorithm that could be accepted"))?;
        let candidates = match &self.keys {
            Keys::Fixed(key, kind) => vec![(key.clone(), *kind)],
            Keys::Published(jwks) => {
                let keys = jwks.keys(header.kid.as_deref(), now, client).await?;
                keys.iter().filter_map(|key| usable(key, header.alg)).collect()
            }
            Keys::None => Vec::new(),
        };
        let named = Algorithm::of(header.alg);
        let accepted = |kind| named.is_some_and(|named| self.verify.accepted(kind).contains(&named));
        let mut last = String::from(if candidates.is_empty() {
            "no key has its key id"
        } else {
            "its algorithm is not among those that are accepted"
        });
        for (key, _) in candidates.into_iter().filter(|(_, kind)| accepted(kind)) {
            match self.check_with(token, &key, header.alg, now) {
                Ok(()) => return Ok(()),
                Err(cause) => last = cause,
            }
        }
        Err(wrong(&last))
    }

    fn check_with(&self, token: &Secret, key: &DecodingKey, algorithm: Jwa, now: i64) -> Result<(), String> {
        let mut validation = Validation::new(algorithm);
        // Times are checked below, by this server's own clock.
        validation.validate_exp = false;
        validation.validate_aud = self.verify.audience.is_some();
        validation.required_spec_claims.clear();
        if let Some(issuer) = &self.verify.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".into());
        }
        if let Some(audience) = &self.verify.audience {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".into());
        }
        let data = decode::<Value>(token.expose(), key, &validation).map_err(|error| explain(error.kind()))?;
        check_times(&data.claims, now)
    }
}

/// A published key with the algorithms of its kind: none when it is for another one than `algorithm`
/// (RFC 8725 §3.1). One for encryption, and a shared secret among them, verify nothing.
fn usable(jwk: &Jwk, algorithm: Jwa) -> Option<(DecodingKey, &'static [Algorithm])> {
    if jwk.common.public_key_use == Some(PublicKeyUse::Encryption) {
        return None;
    }
    let kind = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => RSA,
        AlgorithmParameters::EllipticCurve(_) => EC,
        AlgorithmParameters::OctetKeyPair(_) => ED,
        _ => return None,
    };
    let is_another = |own: KeyAlgorithm| own.to_string() != format!("{algorithm:?}");
    let kind = if jwk.common.key_algorithm.is_some_and(is_another) { &[] } else { kind };
    Some((DecodingKey::from_jwk(jwk).ok()?, kind))
}

/// `exp` and `nbf` (RFC 7519 §4.1).
fn check_times(claims: &Value, now: i64) -> Result<(), String> {
    let time = |name: &str| claims.get(name)?.as_f64().map(whole);
    if time("exp").is_some_and(|end| end < now - LEEWAY) {
        return Err("its `exp` lies in the past".into());
    }
    if time("nbf").is_some_and(|start| start > now + LEEWAY) {
        return Err("its `nbf` lies in the future".into());
    }
    Ok(())
}

fn explain(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::InvalidSignature => "its signature is not made with that key".into(),
        ErrorKind::InvalidIssuer => "its `iss` is another".into(),
        ErrorKind::InvalidAudience => "its `aud` is another".into(),
        ErrorKind::MissingRequiredClaim(name) => format!("it has no `{name}`"),
        other => format!("{other:?}"),
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("verify", &self.verify).finish_non_exhaustive()
    }
}
