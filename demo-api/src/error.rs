//! What can go wrong at the start. What goes wrong in a request is a [`Problem`](crate::problem).

use std::{io, path::PathBuf};

/// Why the API could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder of the data folder could not be made, read or written.
    #[error("cannot use {path}: {source}; choose a folder that this user may write", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The signing key's file holds something else.
    #[error(
        "{path} is not a signing key; delete it to have a new one made, which logs everyone out",
        path = path.display()
    )]
    Key {
        /// The key's file.
        path: PathBuf,
    },
    /// The database could not be opened or used.
    #[error("cannot use the database: {0}")]
    Database(#[from] sqlx::Error),
    /// The database's tables could not be brought up to date.
    #[error("cannot bring the database up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A password could not be hashed.
    #[error("cannot hash a password: {0}")]
    Password(#[from] crate::password::HashError),
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
