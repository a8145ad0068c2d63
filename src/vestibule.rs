//! The whole of it: one value that logs in and out, calls the API, and guards a router.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::{
    attempts::Attempts,
    clock::Clock,
    config::{Config, ConfigError},
    proxy::{Proxy, TrustedProxies},
    random::Random,
    secret::Secret,
    session::{Key, Session, Sessions},
    upstream::{ApiAnswer, ApiCall, Failure, LogIn, Upstream},
};

/// Logs people in and out, calls the API for them, and guards a router. Cheap to clone.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, routing::get};
/// use vestibule::{Vestibule, config::Config, session::Session};
///
/// let mut config = Config::new("http://127.0.0.1:3000".parse()?);
/// config.api.url = Some("http://127.0.0.1:4000".parse()?);
/// let vestibule = Vestibule::new(config)?;
/// let pages = Router::new().route("/", get(|session: Session| async move {
///     if session.is_logged_in() { "welcome back" } else { "who is there?" }
/// }));
/// let app = vestibule.guard(pages.merge(vestibule.routes()));
/// axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Vestibule {
    shared: Arc<Shared>,
    upstream: Upstream,
    proxy: Proxy,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    sessions: Sessions,
    attempts: Attempts,
    trusted_proxies: TrustedProxies,
}

/// Why a [`Vestibule`] cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A value of the configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}

/// The longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3 allows 254 and its brackets).
const MAX_EMAIL: usize = 320;
/// The longest password, in bytes.
const MAX_PASSWORD: usize = 4096;

impl Vestibule {
    /// Builds from a configuration, with the machine's clock and randomness.
    ///
    /// Without `session.keys` it makes a key of its own, which ends with the process: whoever is
    /// logged in then is not after a restart.
    ///
    /// # Errors
    /// When the configuration is wrong, or the system's certificates cannot be read.
    pub fn new(config: Config) -> Result<Self, BuildError> {
        Self::with(config, Clock::system(), Random::system())
    }

    /// Builds with a clock and randomness of the caller's, for tests.
    ///
    /// # Errors
    /// As [`Vestibule::new`].
    pub fn with(config: Config, clock: Clock, random: Random) -> Result<Self, BuildError> {
        // Another part of the program may have chosen a provider before: then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        config.validate()?;
        let url = config
            .api
            .url
            .clone()
            .ok_or_else(|| ConfigError::new("api.url", "is missing: set it to the API's base URL"))?;
        let mut keys = config.session.parsed_keys()?;
        if keys.is_empty() {
            keys.push(Key::random(&random));
        }
        let contract = &config.api.contract;
        let sessions = Sessions::new(&config, &keys, clock.clone(), random);
        let upstream = Upstream::new(url.clone(), &config.api)?;
        let proxy = Proxy::new(
            &url,
            &config.proxy,
            contract.credential(),
            &contract.token_paths(),
            &config.public_url,
            clock,
            sessions.ends().clone(),
        )?;
        let trusted_proxies = TrustedProxies::new(&config.proxy.trusted_proxies);
        Ok(Self { shared: Arc::new(Shared { trusted_proxies, attempts: Attempts::new(&config.login), config, sessions }), upstream, proxy })
    }

    /// The same with connection pools of its own: for a server with one runtime per core, so that
    /// no connection is used across cores. Sessions, limits and keys stay shared.
    #[must_use]
    pub fn with_own_pools(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            upstream: self.upstream.with_own_pool(),
            proxy: self.proxy.with_own_pool(),
        }
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Whether the API has a sign-up.
    pub fn has_sign_up(&self) -> bool {
        self.upstream.contract().sign_up.is_some()
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.shared.sessions
    }

    pub(crate) fn trusted_proxies(&self) -> &TrustedProxies {
        &self.shared.trusted_proxies
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(crate) fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Sends the credentials to the API, starts a session, and answers the person.
    ///
    /// # Errors
    /// What to tell the person. Whatever session there was goes on untouched.
    pub async fn log_in(&self, session: &Session, email: &str, password: &Secret) -> Result<Value, Failure> {
        check_credentials(email, password)?;
        self.count_attempt(session, email)?;
        let now = self.sessions().clock().now();
        let LogIn { tokens, user } = self.upstream.log_in(email, password, now).await?;
        let record = self.sessions().begin(tokens, user.to_string()).map_err(|error| {
            tracing::error!(%error, "a log-in does not fit into the session");
            Failure::new(
                StatusCode::BAD_GATEWAY,
                "The service sent more about you than a session holds. Tell its operator.",
            )
        })?;
        tracing::info!(session = ?record.id, "logged in");
        session.start(record);
        Ok(user)
    }

    /// Refuses what looks like guessing.
    fn count_attempt(&self, session: &Session, email: &str) -> Result<(), Failure> {
        let counted = self.shared.attempts.count(session.client(), email);
        counted.map_err(|wait| {
            tracing::warn!(client = ?session.client(), "too many attempts to log in");
            Failure {
                retry_after: u32::try_from(wait.as_secs()).ok(),
                ..Failure::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts. Wait a minute and try again.")
            }
        })
    }

    /// Signs a person up at the API, then logs in with the `email` and `password` among `fields`.
    ///
    /// # Errors
    /// What to tell the person, with a sentence per wrong field where the API gives one.
    pub async fn sign_up(&self, session: &Session, fields: Map<String, Value>) -> Result<Value, Failure> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (email, password) = (text("email"), Secret::new(text("password")));
        check_credentials(&email, &password)?;
        self.upstream.sign_up(fields).await?;
        self.log_in(session, &email, &password).await
    }

    /// Ends the session here and, as far as it can be reached, at the API. Does nothing for somebody
    /// who is not logged in.
    pub async fn log_out(&self, session: &Session) {
        if let Some(record) = session.record() {
            tracing::info!(session = ?record.id, "logged out");
            self.upstream.log_out(&record.access_token).await;
        }
        session.end();
    }

    /// Calls the API with the session's token, for a page or a server function. The API's 401 ends
    /// the session.
    ///
    /// # Errors
    /// When there is no answer; an answer with an error status is an answer.
    pub async fn call(&self, session: &Session, call: ApiCall) -> Result<ApiAnswer, Failure> {
        let token = session.record().map(|record| record.access_token.clone());
        let answer = self.upstream.call(call, token.as_ref()).await?;
        if let Some(token) = token
            && answer.status == StatusCode::UNAUTHORIZED
        {
            session.refused(&token);
        }
        Ok(answer)
    }
}

/// What no API could take is refused before it is sent.
fn check_credentials(email: &str, password: &Secret) -> Result<(), Failure> {
    let refuse = |field: &str, message: &str| {
        let mut failure = Failure::new(StatusCode::UNPROCESSABLE_ENTITY, message);
        failure.fields.insert(field.into(), message.into());
        Err(failure)
    };
    if email.trim().is_empty() {
        return refuse("email", "Enter your e-mail address.");
    }
    if email.len() > MAX_EMAIL || email.chars().any(char::is_control) {
        return refuse("email", "This is no e-mail address. Check it and try again.");
    }
    if password.expose().is_empty() {
        return refuse("password", "Enter your password.");
    }
    if password.expose().len() > MAX_PASSWORD {
        return refuse("password", "The password is too long. Use at most 4,096 characters.");
    }
    Ok(())
}
