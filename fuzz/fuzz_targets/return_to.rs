//! See `tests/property/return_to.rs`.

#![no_main]

#[path = "../../tests/property/return_to.rs"]
mod return_to;

libfuzzer_sys::fuzz_target!(|data: &[u8]| return_to::holds(data));
