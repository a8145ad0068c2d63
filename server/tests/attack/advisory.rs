//! Holes that other session proxies published in 2026, tried here.
