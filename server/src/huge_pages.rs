//! Transparent huge pages of this process.

/// Turns off transparent huge pages.
///
/// The allocator requests huge pages (2 MiB on Linux), and one becomes fully resident as soon as one byte of it is
/// used. Connections mostly use only the beginning of their buffers, so thousands of connections would take half as
/// much memory again. Small pages do not make calls slower.
#[cfg(target_os = "linux")]
pub(crate) fn disable() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "cannot turn off huge pages");
    }
}

/// Other systems have no such choice.
#[cfg(not(target_os = "linux"))]
pub(crate) fn disable() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn huge_pages_are_off() {
        disable();
        assert!(rustix::thread::transparent_huge_pages_are_disabled().unwrap());
    }
}
