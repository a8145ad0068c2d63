//! Access tokens: JWTs (RFC 7519) signed by HMAC with SHA-256.

use std::{fs, path::Path, sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, error::Error, file, problem::Problem, random::Random, secret::Secret};

/// What a token says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whom it was given to: a user's id.
    pub sub: String,
    /// The session it belongs to. It is good for as long as that lives.
    pub sid: String,
    /// When it was issued, in seconds since the Unix epoch.
    pub iat: i64,
    /// When it ends, likewise.
    pub exp: i64,
    /// Its own id: two tokens are never the same.
    pub jti: String,
}

/// Signs and reads access tokens. Clones share the key.
#[derive(Clone)]
pub struct AccessTokens {
    lifetime: Duration,
    keys: Arc<(EncodingKey, DecodingKey)>,
}

impl AccessTokens {
    /// # Errors
    ///
    /// As [`signing_key`].
    pub fn open(key_file: &Path, lifetime: Duration, random: &Random) -> Result<Self, Error> {
        let key = signing_key(key_file, random)?;
        Self::new(&key, lifetime).map_err(|_| Error::Key { path: key_file.to_owned() })
    }

    fn new(key: &[u8], lifetime: Duration) -> jsonwebtoken::errors::Result<Self> {
        let keys = (EncodingKey::from_secret(key)?, DecodingKey::from_secret(key)?);
        // A token of no time at all would be refused the moment it arrives.
        Ok(Self { lifetime: lifetime.max(Duration::from_secs(1)), keys: Arc::new(keys) })
    }

    /// How long a token is good for.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Signs a token for this user and session.
    ///
    /// # Errors
    ///
    /// 500 when signing fails.
    pub fn issue(&self, user: &str, session: &str, now: Timestamp, random: &Random) -> Result<Secret, Problem> {
        let claims = Claims {
            sub: user.to_owned(),
            sid: session.to_owned(),
            iat: now.seconds(),
            // Never earlier than `expires_in` says.
            exp: now.after(self.lifetime).seconds_rounded_up(),
            jti: random.id(now),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.keys.0)
            .map(Secret::new)
            .map_err(|error| Problem::internal("to sign an access token", &error))
    }

    /// What a token says, if it is ours and has not ended.
    ///
    /// # Errors
    ///
    /// 401 otherwise.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<Claims, Problem> {
        let mut validation = Validation::new(Algorithm::HS256);
        // It would ask the system's clock.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.keys.1, &validation)
            .map_err(|_| Problem::invalid_token("This access token is not valid; log in again."))?
            .claims;
        if claims.exp <= now.seconds() {
            return Err(Problem::invalid_token("This access token has expired; refresh it."));
        }
        Ok(claims)
    }
}

impl std::fmt::Debug for AccessTokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AccessTokens").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

const KEY_LENGTH: usize = 32;

/// Reads the signing key, or makes it on the first start.
///
/// # Errors
///
/// When the file cannot be made or read, or holds something else.
fn signing_key(path: &Path, random: &Random) -> Result<Vec<u8>, Error> {
    if file::make_private_file(path, &random.bytes::<KEY_LENGTH>()).map_err(Error::file(path))? {
        tracing::info!(path = %path.display(), "made a signing key");
    }
    let key = fs::read(path).map_err(Error::file(path))?;
    if key.len() == KEY_LENGTH { Ok(key) } else { Err(Error::Key { path: path.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_900_000_000_500);

    fn tokens(key: u8) -> AccessTokens {
        AccessTokens::new(&[key; KEY_LENGTH], Duration::from_secs(10)).unwrap()
    }

    fn issued() -> Secret {
        tokens(1).issue("ada", "s1", NOW, &Random::seeded(1)).unwrap()
    }

    #[test]
    fn a_token_says_what_was_put_in() {
        let claims = tokens(1).read(issued().expose(), NOW).unwrap();
        assert_eq!((claims.sub.as_str(), claims.sid.as_str()), ("ada", "s1"));
        assert_eq!((claims.iat, claims.exp), (1_900_000_000, 1_900_000_011));
        assert_eq!(claims.jti.len(), 36);
    }

    #[test]
    fn a_token_lives_as_long_as_promised_and_then_ends() {
        let token = issued();
        let last = NOW.after(Duration::from_secs(10));
        assert!(tokens(1).read(token.expose(), last).is_ok());
        assert!(tokens(1).read(token.expose(), last.after(Duration::from_secs(1))).is_err());
    }

    #[test]
    fn another_key_or_another_algorithm_is_refused() {
        let token = issued();
        assert!(tokens(2).read(token.expose(), NOW).is_err());
        let payload = token.expose().split('.').nth(1).unwrap();
        let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        assert!(tokens(1).read(&unsigned, NOW).is_err());
        assert!(tokens(1).read("", NOW).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", tokens(1)), "AccessTokens { lifetime: 10s, .. }");
    }
}
