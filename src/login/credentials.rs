//! Log-in and sign-up with credentials, and what limits them.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::{
    Vestibule,
    login_limit::{Attempt, canonical},
    secret::Secret,
    session::Session,
    upstream::Failure,
};

/// The longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3 allows 254 and its brackets).
const MAX_EMAIL: usize = 320;
/// The longest password, in bytes.
const MAX_PASSWORD: usize = 4096;

/// What a log-in is made with.
#[derive(Clone, Copy, Debug)]
pub struct LogInOptions<'a> {
    /// The e-mail address, or whatever the API knows people by.
    pub email: &'a str,
    /// The password.
    pub password: &'a Secret,
    /// "Keep me signed in": whether the session outlives the browser's closing. `None` is what
    /// `session.persistent` says.
    pub persistent: Option<bool>,
}

impl Vestibule {
    /// Sends the credentials to the API, starts a session, and answers the person.
    ///
    /// # Errors
    /// What to tell the person. Whatever session there was goes on untouched.
    pub async fn log_in(&self, session: &Session, email: &str, password: &Secret) -> Result<Value, Failure> {
        self.log_in_with(session, LogInOptions { email, password, persistent: None }).await
    }

    /// The same with the person's choice of how long the session lasts.
    ///
    /// # Errors
    /// As [`Vestibule::log_in`].
    pub async fn log_in_with(&self, session: &Session, options: LogInOptions<'_>) -> Result<Value, Failure> {
        check_credentials(options.email, options.password)?;
        self.count_attempt(session, options.email)?;
        self.log_in_uncounted(session, options).await
    }

    /// Logs in what was counted before.
    async fn log_in_uncounted(&self, session: &Session, options: LogInOptions<'_>) -> Result<Value, Failure> {
        let LogInOptions { email, password, persistent } = options;
        let now = self.sessions().clock().now();
        let log_in = self.upstream().log_in(email, password, session.user_agent(), now).await?;
        let user = self.begin(session, log_in, persistent)?;
        self.mark_browser(session, email);
        Ok(user)
    }

    /// Refuses calls by the dozen that may be answered with tokens and name no account, by their address.
    pub(crate) fn count_issue(&self, session: &Session) -> Result<(), Failure> {
        self.login_limit().count_address(session.client()).map_err(|wait| {
            tracing::warn!(client = ?session.client(), "too many calls that may be answered with tokens");
            too_many(wait, "Too many attempts. Wait a minute and try again.")
        })
    }

    /// Refuses what looks like guessing. Every way to log in to `account` has to come by here, before the API is asked.
    ///
    /// # Errors
    /// What to tell the person: 429 with the time to wait.
    pub(crate) fn count_attempt(&self, session: &Session, account: &str) -> Result<(), Failure> {
        let account = canonical(account);
        let known = self.known_browsers().read(&session.cookies(), self.sessions().clock().now());
        let known = known.and_then(|browser| browser.id_for(&account));
        let attempt = Attempt { client: session.client(), account: &account, known };
        self.login_limit().count(attempt).map_err(|wait| {
            tracing::warn!(client = ?session.client(), known = known.is_some(), "too many attempts to log in");
            too_many(wait, "Too many attempts. Wait a minute and try again.")
        })
    }

    /// Refuses sign-ups by the dozen. Every way to sign up has to come by here, before the API is asked.
    ///
    /// # Errors
    /// As [`Self::count_attempt`].
    pub(crate) fn count_sign_up(&self, session: &Session) -> Result<(), Failure> {
        self.login_limit().count_sign_up(session.client()).map_err(|wait| {
            tracing::warn!(client = ?session.client(), "too many sign-ups");
            too_many(wait, "Too many sign-ups from your network. Wait a minute and try again.")
        })
    }

    /// Marks the browser as known to `account`, to which it has logged in: from now on its attempts count apart from
    /// those of strangers.
    pub(crate) fn mark_browser(&self, session: &Session, account: &str) {
        let (browsers, now) = (self.known_browsers(), self.sessions().clock().now());
        let before = browsers.read(&session.cookies(), now);
        session.set_mark(browsers.mark(before, &canonical(account), now));
    }

    /// Signs a person up at the API, then logs in with the `email` and `password` among `fields`.
    ///
    /// # Errors
    /// What to tell the person, with a sentence per wrong field where the API gives one.
    pub async fn sign_up(&self, session: &Session, fields: Map<String, Value>) -> Result<Value, Failure> {
        self.sign_up_with(session, fields, None).await
    }

    /// The same with the person's choice of how long the session lasts, as in [`LogInOptions`].
    ///
    /// # Errors
    /// As [`Vestibule::sign_up`].
    pub async fn sign_up_with(
        &self,
        session: &Session,
        fields: Map<String, Value>,
        persistent: Option<bool>,
    ) -> Result<Value, Failure> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (email, password) = (text("email"), Secret::new(text("password")));
        check_credentials(&email, &password)?;
        // Both before there is an account, which a refusal would leave behind. It counts as an attempt too, since some
        // APIs answer a sign-up with success though the account was there.
        self.count_sign_up(session)?;
        self.count_attempt(session, &email)?;
        self.upstream().sign_up(fields).await?;
        self.log_in_uncounted(session, LogInOptions { email: &email, password: &password, persistent }).await
    }
}

/// Somebody tries too often.
fn too_many(wait: Duration, sentence: &str) -> Failure {
    Failure { retry_after: u32::try_from(wait.as_secs()).ok(), ..Failure::new(StatusCode::TOO_MANY_REQUESTS, sentence) }
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
