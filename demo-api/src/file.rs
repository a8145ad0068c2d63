//! Folders and files that no other account of the machine may read.

use std::{fs, io, io::Write as _, path::Path};

/// Makes the folder and those above it, where they are missing.
///
/// # Errors
///
/// When the system refuses.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the file with this content, unless it is there already. Says whether it did.
///
/// # Errors
///
/// When the system refuses.
pub fn make_private_file(path: &Path, content: &[u8]) -> io::Result<bool> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => {
            file.write_all(content)?;
            file.sync_all()?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
