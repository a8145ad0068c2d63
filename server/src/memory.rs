//! How the system gives this process its memory.

/// Takes memory in small pages.
///
/// Of a huge page of Linux (2 MiB), which the allocator asks for, all is resident as soon as a byte of it is
/// used. A connection's buffers are mostly used at their beginning alone, so that thousands of connections
/// would take half as much memory again. It makes no difference to the time that calls take.
#[cfg(target_os = "linux")]
pub(crate) fn use_small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay");
    }
}

/// There is nothing to choose elsewhere.
#[cfg(not(target_os = "linux"))]
pub(crate) fn use_small_pages() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn huge_pages_are_off() {
        use_small_pages();
        assert!(rustix::thread::transparent_huge_pages_are_disabled().unwrap());
    }
}
