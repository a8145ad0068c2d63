//! Calls that hold the proxy: slow readers, slow uploads, streams.
