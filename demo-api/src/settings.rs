//! What a person may set.

use std::{path::PathBuf, time::Duration};

/// How the API runs. [`Settings::new`] gives the defaults; change the fields that should differ.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of everything the API keeps: the database, the attachments, the signing key. Made
    /// when it is missing.
    pub data_dir: PathBuf,
    /// How long an access token is good for; at least one second. 15 minutes by default.
    pub access_token_lifetime: Duration,
    /// How long a refresh token, and with it an unused session, is good for. 30 days by default.
    pub refresh_token_lifetime: Duration,
    /// Whether to make [`SEED_PEOPLE`](crate::SEED_PEOPLE) when there is no person yet.
    pub seed: bool,
    /// Largest attachment, in bytes. 64 MiB by default.
    pub attachment_limit: u64,
}

impl Settings {
    /// The defaults, with everything kept under `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            access_token_lifetime: Duration::from_mins(15),
            refresh_token_lifetime: Duration::from_hours(30 * 24),
            seed: true,
            attachment_limit: 64 << 20,
        }
    }

    pub(crate) fn database_file(&self) -> PathBuf {
        self.data_dir.join("demo-api.sqlite")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.data_dir.join("demo-api.key")
    }

    pub(crate) fn attachment_dir(&self) -> PathBuf {
        self.data_dir.join("attachments")
    }
}
