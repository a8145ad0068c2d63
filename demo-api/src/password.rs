//! Passwords: hashed by Argon2id, never kept, never logged.

use std::{sync::Arc, thread::available_parallelism};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::{sync::Semaphore, task};

use crate::{problem::Problem, random::Random, secret::Secret};

/// Why a password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HashError(argon2::password_hash::Error);

/// Hashes and verifies passwords on threads where that disturbs nobody. Clones share the threads.
#[derive(Clone, Debug)]
pub struct Passwords {
    random: Random,
    /// As many at a time as there are cores: each takes 19 MiB and a core's whole attention.
    permits: Arc<Semaphore>,
    /// Stands in for the hash of an e-mail address that nobody has.
    nobody: Arc<str>,
}

impl Passwords {
    /// # Errors
    ///
    /// When hashing does not work at all.
    pub fn new(random: Random) -> Result<Self, HashError> {
        let cores = available_parallelism().map_or(1, usize::from);
        let nobody = hash(&random.token(), &random.bytes())?.into();
        Ok(Self { random, permits: Arc::new(Semaphore::new(cores)), nobody })
    }

    /// The PHC string to keep for this password.
    ///
    /// # Errors
    ///
    /// 500 when hashing fails.
    pub async fn hash(&self, password: Secret) -> Result<String, Problem> {
        let salt = self.random.bytes();
        self.on_thread(move || hash(&password, &salt))
            .await?
            .map_err(|error| Problem::internal("to hash a password", &error))
    }

    /// [`hash`](Self::hash) on this very thread, for the start.
    ///
    /// # Errors
    ///
    /// When hashing fails.
    pub fn hash_now(&self, password: &Secret) -> Result<String, HashError> {
        hash(password, &self.random.bytes())
    }

    /// Whether the password is the one of this PHC string. With no string the answer is no, after
    /// just as long: the time does not tell which e-mail addresses have an account.
    ///
    /// # Errors
    ///
    /// 500 when the thread fails.
    pub async fn verify(&self, password: Secret, kept: Option<String>) -> Result<bool, Problem> {
        let nobody = Arc::clone(&self.nobody);
        self.on_thread(move || {
            let known = kept.is_some();
            let right = matches(&password, kept.as_deref().unwrap_or(&nobody));
            known && right
        })
        .await
    }

    async fn on_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let permits = Arc::clone(&self.permits);
        let failed = |error: &dyn std::fmt::Display| Problem::internal("to hash a password", error);
        let permit = permits.acquire_owned().await.map_err(|error| failed(&error))?;
        let done = task::spawn_blocking(move || {
            let result = work();
            // The thread holds it, not the request: a client that goes away frees no core.
            drop(permit);
            result
        });
        done.await.map_err(|error| failed(&error))
    }
}

fn hash(password: &Secret, salt: &[u8; 16]) -> Result<String, HashError> {
    let hash: PasswordHash =
        Argon2::default().hash_password_with_salt(password.expose().as_bytes(), salt).map_err(HashError)?;
    Ok(hash.to_string())
}

fn matches(password: &Secret, kept: &str) -> bool {
    let Ok(kept) = PasswordHash::new(kept) else {
        tracing::error!("a kept password hash is malformed");
        return false;
    };
    Argon2::default().verify_password(password.expose().as_bytes(), &kept).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let passwords = Passwords::new(Random::seeded(1)).unwrap();
        let kept = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(passwords.verify(secret("correct horse"), Some(kept.clone())).await.unwrap());
        assert!(!passwords.verify(secret("battery staple"), Some(kept)).await.unwrap());
    }

    #[test]
    fn a_hash_of_an_older_version_is_known() {
        let kept = "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcyBvaw$Oq6NUf8oUawuVWIqWRRrB80MYlKfkN6Nm4K6m5hBrTw";
        assert!(matches(&secret("correct horse"), kept));
        assert!(!matches(&secret("battery staple"), kept));
        assert_eq!(hash(&secret("correct horse"), b"sixteen bytes ok").unwrap(), kept);
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let passwords = Passwords::new(Random::seeded(1)).unwrap();
        let first = passwords.hash(secret("correct horse")).await.unwrap();
        assert_ne!(first, passwords.hash(secret("correct horse")).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = Passwords::new(Random::seeded(1)).unwrap();
        // The very one that the stand-in was made of.
        assert!(!passwords.verify(Random::seeded(1).token(), None).await.unwrap());
    }
}
