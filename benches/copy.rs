//! The copy into and out of shared memory beside the one it mustn't be: `ptr::copy_nonoverlapping`.

#![allow(unsafe_code, reason = "the copies are unsafe functions")]

mod common;

use std::hint::black_box;
use std::ptr;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringway_core::copy::{copy_in, copy_out};

const SIZES: [usize; 9] = [8, 16, 48, 64, 256, 1024, 4096, 16_384, 65_536];

fn copies(c: &mut Criterion) {
    let mut group = c.benchmark_group("copy");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let (mut shared, mut private) = (vec![1_u64; size / 8], vec![2_u8; size]);

        group.bench_with_input(BenchmarkId::new("copy_in", size), &size, |b, &size| {
            b.iter(|| {
                // SAFETY: both have `size` bytes, a multiple of 8, and are different vectors.
                unsafe {
                    copy_in(black_box(shared.as_mut_ptr()), black_box(private.as_ptr()), black_box(size))
                }
            });
        });
        group.bench_with_input(BenchmarkId::new("copy_out", size), &size, |b, &size| {
            b.iter(|| {
                // SAFETY: as above.
                unsafe {
                    copy_out(black_box(private.as_mut_ptr()), black_box(shared.as_ptr()), black_box(size))
                }
            });
        });
        group.bench_with_input(BenchmarkId::new("copy_nonoverlapping", size), &size, |b, &size| {
            b.iter(|| {
                let (from, to) = (black_box(shared.as_ptr()), black_box(private.as_mut_ptr()));
                // SAFETY: as above; nothing else touches either.
                unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), to, black_box(size)) };
            });
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = common::config(); targets = copies }
criterion_main!(benches);
