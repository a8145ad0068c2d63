//! See `tests/property/target.rs`.

#![no_main]

#[path = "../../tests/property/target.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::holds(data));
