//! The whole of it: one value that logs in and out, calls the API, and guards a router.

use std::{
    sync::{Arc, Once},
    time::Duration,
};

use axum::http::StatusCode;
use futures_util::{StreamExt, stream};

use crate::{
    clock::Clock,
    config::{Config, ConfigError},
    contract::Account,
    login_limit::LoginLimit,
    proxy::{Limits, Proxy, TrustedProxies},
    random::Random,
    same_origin::SameOrigin,
    secret::Secret,
    session::{
        CookiePolicy, Key, KnownBrowsers, OpenSession, RETRY_AFTER, Record, Renewal, Session, SessionId, Sessions,
        TimeLeft, UNAVAILABLE,
    },
    upstream::{ApiAnswer, ApiCall, ClientError, Failure, Upstream},
};

/// Logs people in and out, calls the API for them, and guards a router. Cheap to clone.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use std::net::SocketAddr;
///
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
/// // With the client's address: by it log-ins, sign-ups and calls are limited, and the API is told it.
/// let service = app.into_make_service_with_connect_info::<SocketAddr>();
/// axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, service).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Vestibule {
    shared: Arc<Shared>,
    sessions: Arc<Sessions>,
    upstream: Arc<Upstream>,
    proxy: Proxy,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    login_limit: LoginLimit,
    known_browsers: KnownBrowsers,
    /// The open streams of `/api/session/events`.
    event_streams: Arc<Limits>,
    /// Whether it was said that requests come without the client's address.
    unknown_client: Once,
    trusted_proxies: TrustedProxies,
    same_origin: SameOrigin,
}

/// Why a [`Vestibule`] cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A value of the configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// How many calls to the API end tokens at the same time.
const REVOKED_AT_ONCE: usize = 8;

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
        let upstream = Arc::new(Upstream::new(url.clone(), &config.api)?);
        let cookie = CookiePolicy::new(&config.session.cookie_name, config.https(), false);
        let known_browsers = KnownBrowsers::new(cookie.name(), config.https(), &keys, random.clone());
        let sessions = Sessions::new(&config, &keys, clock.clone(), random, Arc::clone(&upstream))?;
        let proxy = Proxy::new(
            &url,
            &config.own_proxy(),
            contract.credential().map_err(|error| ConfigError::new("api.contract", error.to_string()))?,
            &contract.token_rules(),
            &config.public_url,
            clock.clone(),
            sessions.ends().clone(),
        )?;
        let prefix = &config.proxy.prefix;
        let same_origin = SameOrigin::new(&config.public_url).guard_reading(prefix).pass_links(prefix);
        let (streams, of_session) = (config.session.max_event_streams, config.session.max_event_streams_per_session);
        let shared = Shared {
            login_limit: LoginLimit::new(&config.login, clock),
            known_browsers,
            event_streams: Arc::new(Limits::new(streams, of_session, 0)),
            unknown_client: Once::new(),
            trusted_proxies: TrustedProxies::new(&config.proxy.trusted_proxies, config.proxy.client_address_header),
            same_origin,
            config,
        };
        let shared = Arc::new(shared);
        Ok(Self { shared, sessions: Arc::new(sessions), upstream, proxy })
    }

    /// The same with connection pools of its own: for a server with one runtime per core, so that
    /// no connection is used across cores. Sessions, limits and keys stay shared.
    #[must_use]
    pub fn with_own_pools(&self) -> Self {
        let upstream = Arc::new(self.upstream.with_own_pool());
        Self {
            shared: Arc::clone(&self.shared),
            sessions: Arc::new(self.sessions.with_own_connections(Arc::clone(&upstream))),
            upstream,
            proxy: self.proxy.with_own_pool(),
        }
    }

    /// Closes all open WebSockets with code 1001, and waits for their ends and for what goes on without a request: a
    /// refresh whose client has left, a log-out that is not stored yet. For a server that stops: it takes
    /// [`Vestibule::grace_time`] at most, or 10 seconds for WebSockets.
    ///
    /// Requests start such work. So a server awaits it while its connections end, and once more when they have ended;
    /// one with several runtimes on each of them, before it drops the runtime.
    pub async fn stop(&self) {
        self.proxy.stop().await;
        self.upstream.background().finish(self.grace_time()).await;
    }

    /// How long what was begun may take to end when the server stops: the longest log-in or refresh (`api.timeout`),
    /// and a few seconds to store what it brought.
    pub fn grace_time(&self) -> Duration {
        self.sessions.grace_time()
    }

    /// The name of the session's cookie: `session.cookie_name`, with the `__Host-` prefix on https.
    pub fn session_cookie(&self) -> &str {
        self.sessions.cookie_name()
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Whether the API has a sign-up.
    pub fn has_sign_up(&self) -> bool {
        self.upstream.contract().sign_up.is_some()
    }

    /// What the API lets people do with their account, if anything.
    pub fn account(&self) -> Option<&Account> {
        self.upstream.contract().account.as_ref()
    }

    pub(crate) fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    pub(crate) fn trusted_proxies(&self) -> &TrustedProxies {
        &self.shared.trusted_proxies
    }

    pub(crate) fn event_streams(&self) -> &Arc<Limits> {
        &self.shared.event_streams
    }

    /// Says once that requests come without the client's address, and what that means.
    pub(crate) fn note_unknown_client(&self) {
        self.shared.unknown_client.call_once(|| {
            tracing::warn!(
                "requests come without the client's address, so that limits by address are off: serve the router with \
                 `into_make_service_with_connect_info::<SocketAddr>()`"
            );
        });
    }

    pub(crate) fn login_limit(&self) -> &LoginLimit {
        &self.shared.login_limit
    }

    pub(crate) fn known_browsers(&self) -> &KnownBrowsers {
        &self.shared.known_browsers
    }

    pub(crate) fn same_origin(&self) -> &SameOrigin {
        &self.shared.same_origin
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(crate) fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Ends the session here and, as far as it can be reached, at the API. Does nothing for somebody
    /// who is not logged in.
    pub async fn log_out(&self, session: &Session) {
        if let Some(record) = session.latest() {
            tracing::info!(session = ?record.id, "logged out");
            self.end(&[record]).await;
        }
        session.end();
    }

    /// How long the session goes on; `None` for somebody who is not logged in.
    pub fn time_left(&self, session: &Session) -> Option<TimeLeft> {
        session.record().map(|record| self.sessions.time_left(&record))
    }

    /// The open sessions of the person, the latest first: "your devices". A person who is not logged
    /// in has none. With sessions in cookies, this one alone is known.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn sessions_of(&self, session: &Session) -> Result<Vec<OpenSession>, Failure> {
        let Some(record) = known(session)? else { return Ok(Vec::new()) };
        self.sessions.open_sessions(&record).await.map_err(|_| unavailable())
    }

    /// Ends one of the person's sessions, here and at the API; tells whether it was there.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn end_session(&self, session: &Session, id: SessionId) -> Result<bool, Failure> {
        let Some(record) = known(session)? else { return Ok(false) };
        let records = self.sessions.records_of(&record).await.map_err(|_| unavailable())?;
        let Some(found) = records.iter().find(|found| found.id == id) else { return Ok(false) };
        self.end(std::slice::from_ref(found)).await;
        if id == record.id {
            session.end();
        }
        Ok(true)
    }

    /// Logs the person out of all sessions, this one included; tells how many there were.
    ///
    /// # Errors
    /// When the store cannot be reached: then nothing was ended.
    pub async fn log_out_everywhere(&self, session: &Session) -> Result<usize, Failure> {
        let Some(record) = known(session)? else { return Ok(0) };
        let records = self.sessions.records_of(&record).await.map_err(|_| unavailable())?;
        self.end(&records).await;
        session.end();
        Ok(records.len())
    }

    /// Ends sessions here, and then at the API: who does not wait for a slow API is logged out all the
    /// same. It goes on when the request has gone.
    async fn end(&self, records: &[Arc<Record>]) {
        let (sessions, records) = (Arc::clone(&self.sessions), records.to_vec());
        let ending = self.upstream.background().spawn(async move {
            for record in &records {
                sessions.end(record).await;
            }
            let revoke = |record: Arc<Record>| {
                let sessions = Arc::clone(&sessions);
                async move { sessions.revoke_at_the_api(&record).await }
            };
            stream::iter(records).for_each_concurrent(REVOKED_AT_ONCE, revoke).await;
        });
        if let Err(error) = ending.await {
            tracing::error!(%error, "the end of sessions broke off");
        }
    }

    /// Calls the API with the session's token, for a page or a server function. To the API's 401 the
    /// token is renewed and the call made once more. A 401 for good ends the session.
    ///
    /// # Errors
    /// When there is no answer; an answer with an error status is an answer.
    pub async fn call(&self, session: &Session, call: ApiCall) -> Result<ApiAnswer, Failure> {
        let record = session.record();
        if session.is_unavailable() {
            return Err(unavailable());
        }
        let Some(record) = record else { return self.upstream.call(call, None).await };
        let again = record.refresh_token.is_some().then(|| call.clone());
        let answer = self.call_with(session, call, &record.access_token).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        session.await_rolled(&record.access_token).await;
        match session.renew(&record.access_token).await {
            Renewal::Renewed => {
                let token = session.record().map(|record| record.access_token.clone());
                match again.zip(token) {
                    Some((call, token)) => self.call_with(session, call, &token).await,
                    None => Ok(answer),
                }
            }
            Renewal::Unavailable => Err(unavailable()),
            Renewal::Ended | Renewal::Fresh => Ok(answer),
        }
    }

    /// Calls the API with a token, and takes over the next one if the API rolls it.
    async fn call_with(&self, session: &Session, call: ApiCall, token: &Secret) -> Result<ApiAnswer, Failure> {
        let mut answer = self.upstream.call(call, Some(token)).await?;
        if let Some(rolled) = session.take_rolled(&mut answer.headers) {
            rolled.adopt(session.clone()).await;
        }
        Ok(answer)
    }
}

/// The record of a session, if anybody is logged in.
fn known(session: &Session) -> Result<Option<Arc<Record>>, Failure> {
    let record = session.latest();
    if session.is_unavailable() { Err(unavailable()) } else { Ok(record) }
}

/// Nobody can tell right now who is logged in, and soon again.
fn unavailable() -> Failure {
    Failure { retry_after: Some(RETRY_AFTER), ..Failure::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE) }
}
