//! The session key file in the data folder, used when no key is configured.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use vestibule::{random::Random, secret::Secret, session::Key};

const KEY_FILE: &str = "session.key";

/// The session key cannot be read or created.
#[derive(Debug, thiserror::Error)]
#[error("the session key {path} cannot be {action}: set `session.keys`, or set a writable `data_dir`")]
pub(crate) struct KeyError {
    path: PathBuf,
    action: &'static str,
    #[source]
    cause: io::Error,
}

/// Reads the key from the data folder, or creates it there once, readable only by its owner.
pub(crate) fn load_or_create(data_dir: &Path) -> Result<Secret, KeyError> {
    let path = data_dir.join(KEY_FILE);
    let error = |action| {
        let path = path.clone();
        move |cause| KeyError { path, action, cause }
    };
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Secret::new(text.trim())),
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(data_dir).map_err(error("created"))?;
            create(&path).map_err(error("created"))
        }
        Err(cause) => Err(error("read")(cause)),
    }
}

fn create(path: &Path) -> io::Result<Secret> {
    let key = Key::random(&Random::system()).to_base64();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    Ok(Secret::from(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creates_a_key_once_readable_only_by_its_owner() {
        let folder = std::env::temp_dir().join(format!("vestibule-key-{}", std::process::id()));
        let first = load_or_create(&folder).unwrap();
        assert_eq!(load_or_create(&folder).unwrap(), first);
        Key::parse(first.expose()).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.join(KEY_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
