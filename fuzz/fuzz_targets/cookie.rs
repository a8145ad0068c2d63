//! See `tests/property/cookie.rs`.

#![no_main]

#[path = "../../tests/property/cookie.rs"]
mod cookie;

libfuzzer_sys::fuzz_target!(|data: &[u8]| cookie::holds(data));
