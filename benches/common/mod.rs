//! What the benchmarks have in common.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::time::Duration;

use criterion::Criterion;

/// Payloads: what shares one cache line with its slot's header, what doesn't quite, and what takes many.
pub const SIZES: [usize; 3] = [48, 64, 1024];

/// Short runs: all benchmarks together take about two minutes.
pub fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

/// Writes every byte of a message, so that it depends on `number`. Cheap, so that it hides nothing.
#[inline(always)]
pub fn write(message: &mut [u8], number: u64) {
    for word in message.chunks_exact_mut(8) {
        word.copy_from_slice(&number.to_ne_bytes());
    }
}

/// Reads every byte of a message.
#[inline(always)]
pub fn sum(message: &[u8]) -> u64 {
    message
        .chunks_exact(8)
        .fold(0, |sum: u64, word| sum.wrapping_add(u64::from_ne_bytes(word.try_into().expect("8 bytes"))))
}
