//! The limit of open files and sockets of this process.

/// Raises the limit as far as the system allows and returns it, if it is known.
#[cfg(target_os = "linux")]
pub(crate) fn raise() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, limit = current, "cannot raise the limit of open files");
            current
        }
    }
}

/// The limit is only known on Linux.
#[cfg(not(target_os = "linux"))]
pub(crate) fn raise() -> Option<u64> {
    None
}
