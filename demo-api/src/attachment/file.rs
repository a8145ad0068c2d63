//! The files that hold attachments' bytes, each named by its attachment's id.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use tokio::{
    fs::File,
    io::{AsyncWriteExt as _, BufWriter},
    time,
};

use super::store;
use crate::{database::Database, error::Error, file::make_private_dir, problem::Problem};

/// How much goes to the disk at a time, in bytes.
const BUFFER: usize = 256 << 10;

/// How much of a refused upload is still read, in bytes, and for how long. A socket that is closed
/// with bytes unread is reset, and the client would never see why it was refused.
const DRAIN_LIMIT: usize = 8 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(3);

/// The folder of the files. Clones share it.
#[derive(Clone, Debug)]
pub struct Files {
    folder: Arc<Path>,
    /// Bytes.
    limit: u64,
}

impl Files {
    /// # Errors
    ///
    /// When the folder is missing and cannot be made.
    pub fn open(folder: PathBuf, limit: u64) -> Result<Self, Error> {
        make_private_dir(&folder).map_err(Error::file(&folder))?;
        Ok(Self { folder: folder.into(), limit })
    }

    /// Removes what a crash has left: unfinished uploads, and files that no row describes.
    ///
    /// # Errors
    ///
    /// When the folder or the database cannot be read.
    pub async fn sweep(&self, database: &Database) -> Result<(), Error> {
        let known = store::ids(database.reader()).await?;
        let failed = || Error::file(&*self.folder);
        for entry in fs::read_dir(&self.folder).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            if !entry.file_name().to_str().is_some_and(|name| known.contains(name)) {
                fs::remove_file(entry.path()).map_err(Error::file(entry.path()))?;
            }
        }
        Ok(())
    }

    /// Streams a body into the file of this id. Gives its size in bytes.
    ///
    /// # Errors
    ///
    /// 413 when it is too large, 400 when it ends early. The file is not there then.
    pub async fn receive(&self, id: &str, announced: Option<u64>, body: Body) -> Result<u64, Problem> {
        let mut chunks = body.into_data_stream();
        if announced.is_some_and(|size| size > self.limit) {
            drain(chunks).await;
            return Err(Problem::too_large(self.limit));
        }
        let partial = Partial(self.folder.join(format!("{id}.part")));
        let failed = |error: io::Error| Problem::internal("to keep an attachment", &error);
        let file = File::create_new(&partial.0).await.map_err(failed)?;
        let mut file = BufWriter::with_capacity(BUFFER, file);
        let mut size = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Problem::bad_request("The upload ended too early."))?;
            size += chunk.len() as u64;
            if size > self.limit {
                drain(chunks).await;
                return Err(Problem::too_large(self.limit));
            }
            file.write_all(&chunk).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        file.get_ref().sync_all().await.map_err(failed)?;
        partial.keep(&self.path(id)).await.map_err(failed)?;
        Ok(size)
    }

    /// Opens the file of this id.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub async fn read(&self, id: &str) -> io::Result<File> {
        File::open(self.path(id)).await
    }

    /// Removes the file of this id. A failure is logged: the next start removes it.
    pub async fn remove(&self, id: &str) {
        if let Err(cause) = tokio::fs::remove_file(self.path(id)).await {
            tracing::warn!(%cause, attachment = id, "cannot remove an attachment's file");
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }
}

/// A file that is not all there yet. It goes when this does: the client may hang up at any time.
struct Partial(PathBuf);

impl Partial {
    async fn keep(self, path: &Path) -> io::Result<()> {
        tokio::fs::rename(&self.0, path).await
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It fails when the file was kept under its other name.
        let _ = fs::remove_file(&self.0);
    }
}

async fn drain(mut chunks: BodyDataStream) {
    let mut left = DRAIN_LIMIT;
    let read = async {
        while let Some(Ok(chunk)) = chunks.next().await
            && chunk.len() <= left
        {
            left -= chunk.len();
        }
    };
    // Whether it came to the end does not matter.
    let _ = time::timeout(DRAIN_TIME, read).await;
}
