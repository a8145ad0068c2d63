//! Guessing passwords, and locking owners out.
