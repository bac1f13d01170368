//! Arbitrary bytes in a ring that is in use: see `ipc_core_fuzz::reader`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ipc_core_fuzz::reader::run(data));
