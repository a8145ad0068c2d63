//! See `src/proxy/http1/property.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vestibule::fuzzing::http1_response(data));
