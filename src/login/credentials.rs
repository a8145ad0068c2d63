//! Login and signup with credentials, and their rate limits.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::{
    Vestibule,
    api_client::ApiError,
    login_limit::{LoginAttempt, canonical_account},
    secret::Secret,
    session::Session,
};

/// The maximum length of an email address, in bytes (RFC 5321 §4.5.3.1.3 allows 254 and its brackets).
const MAX_EMAIL: usize = 320;
/// The maximum length of a password, in bytes.
const MAX_PASSWORD: usize = 4096;

/// The credentials and options of a login.
#[derive(Clone, Copy, Debug)]
pub struct LoginOptions<'a> {
    /// The email address, or another name by which the API identifies users.
    pub email: &'a str,
    /// The password.
    pub password: &'a Secret,
    /// "Keep me signed in": whether the session persists when the browser closes. `None` means `session.persistent`.
    pub persistent: Option<bool>,
}

impl Vestibule {
    /// Logs in at the API with the credentials, and starts a session. Returns the user.
    ///
    /// # Errors
    /// With a message for the user. The current session, if any, continues unchanged.
    pub async fn login(&self, session: &Session, email: &str, password: &Secret) -> Result<Value, ApiError> {
        self.login_with(session, LoginOptions { email, password, persistent: None }).await
    }

    /// Logs in like [`Vestibule::login`], with the user's choice of whether the session persists.
    ///
    /// # Errors
    /// As [`Vestibule::login`].
    pub async fn login_with(&self, session: &Session, options: LoginOptions<'_>) -> Result<Value, ApiError> {
        check_credentials(options.email, options.password)?;
        self.count_login(session, options.email)?;
        self.login_uncounted(session, options).await
    }

    /// Logs in after the attempt was counted.
    async fn login_uncounted(&self, session: &Session, options: LoginOptions<'_>) -> Result<Value, ApiError> {
        let LoginOptions { email, password, persistent } = options;
        let now = self.sessions().clock().now();
        let login = self.upstream().log_in(email, password, session.user_agent(), now).await?;
        let user = self.start_session(session, login, persistent)?;
        self.remember_browser(session, email);
        Ok(user)
    }

    /// Counts a call that may return tokens without naming an account, by its address. Refuses too many of them.
    pub(crate) fn count_token_request(&self, session: &Session) -> Result<(), ApiError> {
        self.login_limit().count_address(session.client()).map_err(|wait| {
            tracing::warn!(client = ?session.client(), "too many calls that may return tokens");
            too_many(wait, "Too many attempts. Wait a minute and try again.")
        })
    }

    /// Counts a login attempt, and refuses what looks like guessing. Every login to `account` must call this before it
    /// calls the API.
    ///
    /// # Errors
    /// 429 with the time to wait and a message for the user.
    pub(crate) fn count_login(&self, session: &Session, account: &str) -> Result<(), ApiError> {
        let account = canonical_account(account);
        let known = self.known_browsers().read(&session.cookies(), self.sessions().clock().now());
        let known = known.and_then(|browser| browser.id_for(&account));
        let attempt = LoginAttempt { client: session.client(), account: &account, known };
        self.login_limit().count_login(attempt).map_err(|wait| {
            tracing::warn!(client = ?session.client(), known = known.is_some(), "too many login attempts");
            too_many(wait, "Too many attempts. Wait a minute and try again.")
        })
    }

    /// Counts a signup, and refuses too many of them. Every signup must call this before it calls the API.
    ///
    /// # Errors
    /// As [`Self::count_login`].
    pub(crate) fn count_signup(&self, session: &Session) -> Result<(), ApiError> {
        self.login_limit().count_signup(session.client()).map_err(|wait| {
            tracing::warn!(client = ?session.client(), "too many signups");
            too_many(wait, "Too many signups from your network. Wait a minute and try again.")
        })
    }

    /// Remembers that the browser has logged in to `account`. From now on its attempts count separately from those of
    /// strangers.
    pub(crate) fn remember_browser(&self, session: &Session, account: &str) {
        let (browsers, now) = (self.known_browsers(), self.sessions().clock().now());
        let before = browsers.read(&session.cookies(), now);
        session.set_known_browser_cookie(browsers.remember(before, &canonical_account(account), now));
    }

    /// Signs a user up at the API, then logs in with the `email` and `password` among `fields`.
    ///
    /// # Errors
    /// With a message for the user, and one for each invalid field if the API provides them.
    pub async fn signup(&self, session: &Session, fields: Map<String, Value>) -> Result<Value, ApiError> {
        self.signup_with(session, fields, None).await
    }

    /// Signs up like [`Vestibule::signup`], with the user's choice of whether the session persists, as in
    /// [`LoginOptions`].
    ///
    /// # Errors
    /// As [`Vestibule::signup`].
    pub async fn signup_with(
        &self,
        session: &Session,
        fields: Map<String, Value>,
        persistent: Option<bool>,
    ) -> Result<Value, ApiError> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (email, password) = (text("email"), Secret::new(text("password")));
        check_credentials(&email, &password)?;
        // Both are counted before the account is created, which a refusal would leave behind. It counts as a login too,
        // since some APIs report success for a signup with an existing account.
        self.count_signup(session)?;
        self.count_login(session, &email)?;
        self.upstream().sign_up(fields).await?;
        self.login_uncounted(session, LoginOptions { email: &email, password: &password, persistent }).await
    }
}

/// The error for too many attempts.
fn too_many(wait: Duration, sentence: &str) -> ApiError {
    ApiError {
        retry_after: u32::try_from(wait.as_secs()).ok(),
        ..ApiError::new(StatusCode::TOO_MANY_REQUESTS, sentence)
    }
}

/// Rejects credentials that no API could accept.
fn check_credentials(email: &str, password: &Secret) -> Result<(), ApiError> {
    let refuse = |field: &str, message: &str| {
        let mut failure = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message);
        failure.fields.insert(field.into(), message.into());
        Err(failure)
    };
    if email.trim().is_empty() {
        return refuse("email", "Enter your email address.");
    }
    if email.len() > MAX_EMAIL || email.chars().any(char::is_control) {
        return refuse("email", "That is not a valid email address. Check it and try again.");
    }
    if password.expose().is_empty() {
        return refuse("password", "Enter your password.");
    }
    if password.expose().len() > MAX_PASSWORD {
        return refuse("password", "The password is too long. Use at most 4,096 characters.");
    }
    Ok(())
}
