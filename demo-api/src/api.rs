//! The API as one value: all that its handlers share.

use std::time::Duration;

use axum::Router;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    attachment::Files, clock::Clock, database::Database, error::Error, event::Events, file, password::Passwords,
    random::Random, route, seed, settings::Settings, token::AccessTokens,
};

/// The running API. Clones share everything.
#[derive(Clone, Debug)]
pub struct DemoApi {
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) database: Database,
    pub(crate) passwords: Passwords,
    pub(crate) access_tokens: AccessTokens,
    pub(crate) refresh_token_lifetime: Duration,
    pub(crate) files: Files,
    pub(crate) events: Events,
    /// Cancelled when the server stops: streams that would never end do.
    pub(crate) shutdown: CancellationToken,
    /// Tasks that outlive their request: those of `/live`.
    pub(crate) tasks: TaskTracker,
    seeded: bool,
}

/// Where time and randomness come from.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Tells the time.
    pub clock: Clock,
    /// Gives random bytes.
    pub random: Random,
}

/// Opens the data folder, makes what is missing in it, and seeds it if the settings say so.
///
/// # Errors
///
/// When the folder cannot be used, or holds what is not ours.
pub async fn open(settings: Settings) -> Result<DemoApi, Error> {
    open_in(settings, Environment::default()).await
}

/// [`open`] with another clock and another source of randomness, for tests.
///
/// # Errors
///
/// As [`open`].
pub async fn open_in(settings: Settings, environment: Environment) -> Result<DemoApi, Error> {
    let Environment { clock, random } = environment;
    file::make_private_dir(&settings.data_dir).map_err(Error::file(&settings.data_dir))?;
    let lifetime = settings.access_token_lifetime;
    let access_tokens = AccessTokens::open(&settings.key_file(), lifetime, &random)?;
    let database = Database::open(&settings.database_file()).await?;
    let passwords = Passwords::new(random.clone())?;
    let files = Files::open(settings.attachment_dir(), settings.attachment_limit)?;
    files.sweep(&database).await?;
    let seeded = settings.seed && seed::plant(&database, &passwords, &clock, &random).await?;
    let shutdown = CancellationToken::new();
    Ok(DemoApi {
        clock,
        random,
        database,
        passwords,
        access_tokens,
        refresh_token_lifetime: settings.refresh_token_lifetime,
        files,
        events: Events::new(shutdown.clone()),
        shutdown,
        tasks: TaskTracker::new(),
        seeded,
    })
}

impl DemoApi {
    /// All routes as one service. Whoever serves it otherwise than by [`serve`](crate::serve()) has
    /// to end `/events` and `/live` in their own way.
    pub fn router(&self) -> Router {
        route::router(self.clone())
    }

    /// Whether this very start made [`SEED_PEOPLE`](crate::SEED_PEOPLE).
    pub fn seeded(&self) -> bool {
        self.seeded
    }
}
