//! Arbitrary bytes in a ring that is in use: see `ringway_core_fuzz::reader`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringway_core_fuzz::reader::run(data));
