//! Arbitrary bytes as a ring: see `ipc_core_fuzz::attach`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ipc_core_fuzz::attach::run(data));
