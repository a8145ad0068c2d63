//! Work in the background of other work.

use std::thread::{self, JoinHandle};

use crate::Result;

/// A piece of work on its own thread.
#[derive(Debug)]
pub struct Job<T>(JoinHandle<T>);

impl<T: Send + 'static> Job<T> {
    /// Starts the work.
    pub fn start(work: impl FnOnce() -> T + Send + 'static) -> Self {
        Self(thread::spawn(work))
    }

    /// Whether the work has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// When the work panicked.
    pub fn wait(self) -> Result<T> {
        self.0.join().map_err(|_| "a background job ended in a panic; its message stands above".to_owned())
    }
}
