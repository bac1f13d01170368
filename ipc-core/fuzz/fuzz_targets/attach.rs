//! Arbitrary bytes as a ring: see `ringway_core_fuzz::attach`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringway_core_fuzz::attach::run(data));
