//! What it costs to publish a message while nobody reads: the copy, two stamps and head.

mod common;

use common::{SIZES, write};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringway::{Config, Producer, Ring, anon};

const BATCH: usize = 64;

fn producer(size: usize) -> Producer {
    let config = Config::new().slots(1024).payload_capacity(size as u64);
    anon::create(&config).expect("an anonymous ring").producer().expect("its only producer")
}

/// A message that the caller has, copied into the ring.
fn publish(c: &mut Criterion) {
    let mut group = c.benchmark_group("publish");
    for size in SIZES {
        let (mut producer, mut message) = (producer(size), vec![0; size]);
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{size} B"), |b| {
            b.iter(|| {
                // One word tells the messages apart; writing them is the caller's time, not the ring's.
                write(&mut message[..8], producer.next_seq());
                producer.publish(&message)
            });
        });
    }
    group.finish();
}

/// A message written where it lies in the ring, all of it.
fn claim(c: &mut Criterion) {
    let mut group = c.benchmark_group("claim, write, commit");
    for size in SIZES {
        let mut producer = producer(size);
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{size} B"), |b| {
            b.iter(|| {
                let number = producer.next_seq();
                let mut claim = producer.try_claim(size).expect("no consumer");
                write(&mut claim, number);
                claim.commit()
            });
        });
    }
    group.finish();
}

/// Many messages at once: head is stored once for each run of them.
fn batch(c: &mut Criterion) {
    let mut group = c.benchmark_group("publish a batch");
    for size in SIZES {
        let (mut producer, mut messages) = (producer(size), vec![vec![0; size]; BATCH]);
        group.throughput(Throughput::Elements(BATCH as u64));
        group.bench_function(format!("{BATCH} of {size} B"), |b| {
            b.iter(|| {
                write(&mut messages[0][..8], producer.next_seq());
                producer.publish_batch(&messages)
            });
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = common::config(); targets = publish, claim, batch }
criterion_main!(benches);
