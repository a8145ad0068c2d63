//! The `SQLite` file: one connection that writes, a few that read.
//!
//! `SQLite` lets one writer in at a time. Queueing for the one connection is fair and wakes at once,
//! where several connections would poll each other's lock. Readers never wait (WAL).

use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions as _, Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{error::Error, file};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

const READERS: u32 = 4;

/// How long a request waits for a connection before it is told to come again.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// The open database. Clones share it.
#[derive(Clone, Debug)]
pub struct Database {
    writer: SqlitePool,
    reader: SqlitePool,
}

impl Database {
    /// Opens the file, makes it when it is missing, and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// When the file is no database, or of a newer version than this program.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        // SQLite would make it readable for all; its `-wal` and `-shm` take over this mode.
        file::make_private_file(path, b"").map_err(Error::file(path))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging();
        let writer = pool(1).connect_with(options.clone()).await?;
        MIGRATIONS.run(&writer).await?;
        let reader = pool(READERS).connect_with(options.pragma("query_only", "ON")).await?;
        Ok(Self { writer, reader })
    }

    /// Connections to read with.
    pub fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// The connection for a change of one statement.
    pub fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Begins a change of several statements. It is undone unless it is committed.
    ///
    /// # Errors
    ///
    /// When the writer is not to be had in time.
    pub async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Closes the file, with the log written back into it.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}
