//! [`Vestibule`], the entry point: login and logout, calls to the API, and the layers of a router.

use std::{
    sync::{Arc, Once},
    time::Duration,
};

use axum::http::StatusCode;
use futures_util::{StreamExt, stream};

use crate::{
    api_client::{ApiCall, ApiClient, ApiError, ApiResponse, ClientError},
    clock::Clock,
    config::{Config, ConfigError},
    contract::Account,
    login_limit::LoginRateLimiter,
    proxy::{CallLimiter, Proxy, TrustedProxies},
    random::Random,
    same_origin::SameOrigin,
    secret::Secret,
    session::{
        CookiePolicy, Key, KnownBrowsers, OpenSession, RETRY_AFTER, Record, RefreshOutcome, Session, SessionId,
        SessionManager, TimeLeft, UNAVAILABLE,
    },
};

/// Logs users in and out, calls the API for them, and guards a router. Cheap to clone.
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
///     if session.is_logged_in() { "welcome back" } else { "please log in" }
/// }));
/// let app = vestibule.guard(pages.merge(vestibule.routes()));
/// // With the client's address, which the rate limits need and which is forwarded to the API.
/// let service = app.into_make_service_with_connect_info::<SocketAddr>();
/// axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, service).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Vestibule {
    shared: Arc<Shared>,
    sessions: Arc<SessionManager>,
    upstream: Arc<ApiClient>,
    proxy: Proxy,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    login_limit: LoginRateLimiter,
    known_browsers: KnownBrowsers,
    /// The limits of open streams of `/api/session/events`.
    event_streams: Arc<CallLimiter>,
    /// Logs once that requests have no client address.
    unknown_client: Once,
    trusted_proxies: TrustedProxies,
    same_origin: SameOrigin,
}

/// Why a [`Vestibule`] cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The HTTP client cannot be built.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// The maximum number of concurrent token revocations at the API.
const MAX_REVOCATIONS: usize = 8;

impl Vestibule {
    /// Builds from a configuration, with the machine's clock and randomness.
    ///
    /// Without `session.keys`, it generates a temporary key: all users are logged out by a restart.
    ///
    /// # Errors
    /// If the configuration is invalid, or the system's certificates cannot be read.
    pub fn new(config: Config) -> Result<Self, BuildError> {
        Self::with(config, Clock::system(), Random::system())
    }

    /// Builds with the caller's clock and randomness, for tests.
    ///
    /// # Errors
    /// As [`Vestibule::new`].
    pub fn with(config: Config, clock: Clock, random: Random) -> Result<Self, BuildError> {
        // Fails if another part of the program has installed a provider, which is then used.
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
        let upstream = Arc::new(ApiClient::new(url.clone(), &config.api)?);
        let cookie = CookiePolicy::new(&config.session.cookie_name, config.https(), false);
        let known_browsers = KnownBrowsers::new(cookie.name(), config.https(), &keys, random.clone());
        let sessions = SessionManager::new(&config, &keys, clock.clone(), random, Arc::clone(&upstream))?;
        let proxy = Proxy::new(
            &url,
            &config.own_proxy(),
            contract.credential.clone(),
            &contract.token_rules(),
            &config.public_url,
            clock.clone(),
            sessions.end_notifier().clone(),
        )?;
        let prefix = &config.proxy.prefix;
        let same_origin = SameOrigin::new(&config.public_url).guard_reading(prefix).pass_links(prefix);
        let (streams, of_session) = (config.session.max_event_streams, config.session.max_event_streams_per_session);
        let shared = Shared {
            login_limit: LoginRateLimiter::new(&config.login, clock),
            known_browsers,
            event_streams: Arc::new(CallLimiter::new(streams, of_session, 0)),
            unknown_client: Once::new(),
            trusted_proxies: TrustedProxies::new(&config.proxy.trusted_proxies, config.proxy.client_address_header),
            same_origin,
            config,
        };
        let shared = Arc::new(shared);
        Ok(Self { shared, sessions: Arc::new(sessions), upstream, proxy })
    }

    /// A clone with its own connection pools, for a server with one runtime per core: no connection is used across
    /// cores. Sessions, limits and keys stay shared.
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

    /// Closes all open WebSockets with code 1001, and waits until they and all background work have ended: a refresh
    /// whose client has disconnected, a logout that is not stored yet. For a server that stops. Takes at most
    /// [`Vestibule::grace_time`], or 10 seconds for WebSockets.
    ///
    /// Requests start such work. So await this while connections end, and again when they have ended. With several
    /// runtimes, await it on each of them before dropping the runtime.
    pub async fn stop(&self) {
        self.proxy.stop().await;
        self.upstream.background().finish(self.grace_time()).await;
    }

    /// How long background work may take to end when the server stops: the longest login or refresh (`api.timeout`), and
    /// a few seconds to store its result.
    pub fn grace_time(&self) -> Duration {
        self.sessions.grace_time()
    }

    /// The name of the session cookie: `session.cookie_name`, with the `__Host-` prefix on https.
    pub fn session_cookie(&self) -> &str {
        self.sessions.cookie_name()
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Whether the API has a signup.
    pub fn has_signup(&self) -> bool {
        self.upstream.contract().sign_up.is_some()
    }

    /// The API's account operations, if it has any.
    pub fn account(&self) -> Option<&Account> {
        self.upstream.contract().account.as_ref()
    }

    pub(crate) fn sessions(&self) -> &Arc<SessionManager> {
        &self.sessions
    }

    pub(crate) fn trusted_proxies(&self) -> &TrustedProxies {
        &self.shared.trusted_proxies
    }

    pub(crate) fn event_streams(&self) -> &Arc<CallLimiter> {
        &self.shared.event_streams
    }

    /// Logs once that requests have no client address, and what to do.
    pub(crate) fn note_unknown_client(&self) {
        self.shared.unknown_client.call_once(|| {
            tracing::warn!(
                "requests have no client address, so rate limits by address are off: serve the router with \
                 `into_make_service_with_connect_info::<SocketAddr>()`"
            );
        });
    }

    pub(crate) fn login_limit(&self) -> &LoginRateLimiter {
        &self.shared.login_limit
    }

    pub(crate) fn known_browsers(&self) -> &KnownBrowsers {
        &self.shared.known_browsers
    }

    pub(crate) fn same_origin(&self) -> &SameOrigin {
        &self.shared.same_origin
    }

    pub(crate) fn upstream(&self) -> &ApiClient {
        &self.upstream
    }

    pub(crate) fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Logs the user out here and, if it is reachable, at the API. Does nothing if no user is logged in.
    pub async fn logout(&self, session: &Session) {
        if let Some(record) = session.latest() {
            tracing::info!(session = ?record.id, "logged out");
            self.revoke_sessions(&[record]).await;
        }
        session.logout();
    }

    /// The remaining lifetime of the session; `None` if no user is logged in.
    pub fn time_left(&self, session: &Session) -> Option<TimeLeft> {
        session.record().map(|record| self.sessions.time_left(&record))
    }

    /// The open sessions of the user, the latest first: "your devices". Empty if no user is logged in. With sessions in
    /// cookies, only this session is known.
    ///
    /// # Errors
    /// If the store is unavailable.
    pub async fn sessions_of(&self, session: &Session) -> Result<Vec<OpenSession>, ApiError> {
        let Some(record) = current_record(session)? else { return Ok(Vec::new()) };
        self.sessions.open_sessions(&record).await.map_err(|_| unavailable())
    }

    /// Ends one of the user's sessions, here and at the API. Returns whether it existed.
    ///
    /// # Errors
    /// If the store is unavailable.
    pub async fn end_session(&self, session: &Session, id: SessionId) -> Result<bool, ApiError> {
        let Some(record) = current_record(session)? else { return Ok(false) };
        let records = self.sessions.open_records(&record).await.map_err(|_| unavailable())?;
        let Some(found) = records.iter().find(|found| found.id == id) else { return Ok(false) };
        self.revoke_sessions(std::slice::from_ref(found)).await;
        if id == record.id {
            session.logout();
        }
        Ok(true)
    }

    /// Logs the user out of all sessions, including this one. Returns their number.
    ///
    /// # Errors
    /// If the store is unavailable. Then no session has ended.
    pub async fn logout_everywhere(&self, session: &Session) -> Result<usize, ApiError> {
        let Some(record) = current_record(session)? else { return Ok(0) };
        let records = self.sessions.open_records(&record).await.map_err(|_| unavailable())?;
        self.revoke_sessions(&records).await;
        session.logout();
        Ok(records.len())
    }

    /// Ends sessions here first, then at the API, so that the user is logged out even if the client does not wait for a
    /// slow API. Continues if the request is cancelled.
    async fn revoke_sessions(&self, records: &[Arc<Record>]) {
        let (sessions, records) = (Arc::clone(&self.sessions), records.to_vec());
        let task = self.upstream.background().spawn(async move {
            for record in &records {
                sessions.revoke(record).await;
            }
            let revoke = |record: Arc<Record>| {
                let sessions = Arc::clone(&sessions);
                async move { sessions.revoke_tokens(&record).await }
            };
            stream::iter(records).for_each_concurrent(MAX_REVOCATIONS, revoke).await;
        });
        if let Err(error) = task.await {
            tracing::error!(%error, "ending sessions failed");
        }
    }

    /// Calls the API with the session's token, for a page or a server function. After a 401, the token is refreshed and
    /// the call repeated once. A final 401 ends the session.
    ///
    /// # Errors
    /// If there is no response. A response with an error status is not an error.
    pub async fn call(&self, session: &Session, call: ApiCall) -> Result<ApiResponse, ApiError> {
        let record = session.record();
        if session.is_unavailable() {
            return Err(unavailable());
        }
        let Some(record) = record else { return self.upstream.call(call, None).await };
        let again = record.refresh_token.is_some().then(|| call.clone());
        let response = self.call_with(session, call, &record.access_token).await?;
        if response.status != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        session.await_rotated(&record.access_token).await;
        match session.refresh(&record.access_token).await {
            RefreshOutcome::Refreshed => {
                let token = session.record().map(|record| record.access_token.clone());
                match again.zip(token) {
                    Some((call, token)) => self.call_with(session, call, &token).await,
                    None => Ok(response),
                }
            }
            RefreshOutcome::Unavailable => Err(unavailable()),
            RefreshOutcome::Ended | RefreshOutcome::TooRecent => Ok(response),
        }
    }

    /// Calls the API with a token, and adopts the next one if the API rotates it.
    async fn call_with(&self, session: &Session, call: ApiCall, token: &Secret) -> Result<ApiResponse, ApiError> {
        let mut response = self.upstream.call(call, Some(token)).await?;
        if let Some(rotated) = session.take_rotated(&mut response.headers) {
            rotated.adopt(session.clone()).await;
        }
        Ok(response)
    }
}

/// The record of a session, if a user is logged in.
fn current_record(session: &Session) -> Result<Option<Arc<Record>>, ApiError> {
    let record = session.latest();
    if session.is_unavailable() { Err(unavailable()) } else { Ok(record) }
}

/// The error while the session store is unavailable.
fn unavailable() -> ApiError {
    ApiError { retry_after: Some(RETRY_AFTER), ..ApiError::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE) }
}
