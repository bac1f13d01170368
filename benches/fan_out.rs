//! What it costs the producer that consumers are attached: once in half a lap it reads their cursors.
//!
//! The consumers' reading isn't measured: they drain the ring in turn, between the runs of half a lap.

mod common;

use std::time::{Duration, Instant};

use common::write;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringway::{Config, Consumer, Outcome, Ring, Start, anon};

const SLOTS: u64 = 1024;

fn fan_out(c: &mut Criterion) {
    let mut group = c.benchmark_group("publish 48 B by consumers attached");
    group.throughput(Throughput::Elements(1));
    for attached in [0, 1, 8, 64] {
        let config = Config::new().slots(SLOTS).payload_capacity(48).max_consumers(64);
        let ring = anon::create(&config).expect("an anonymous ring");
        let mut producer = ring.producer().expect("its only producer");
        let mut consumers: Vec<_> =
            (0..attached).map(|_| ring.consumer(Start::Latest).expect("a free cell")).collect();
        let mut message = [0; 48];
        group.bench_function(attached.to_string(), |b| {
            b.iter_custom(|iterations| {
                let (mut left, mut took) = (iterations, Duration::ZERO);
                while left > 0 {
                    let run = left.min(SLOTS / 2);
                    let began = Instant::now();
                    for number in 0..run {
                        write(&mut message[..8], number);
                        producer.try_publish(&message).expect("room for half a lap");
                    }
                    took += began.elapsed();
                    left -= run;
                    consumers.iter_mut().for_each(|consumer| drain(consumer, run));
                }
                took
            });
        });
    }
    group.finish();
}

fn drain(consumer: &mut Consumer, expected: u64) {
    let outcome = consumer.try_recv_batch(SLOTS as usize).expect("a sound ring");
    let Outcome::Message(batch) = outcome else { panic!("expected messages, got {outcome:?}") };
    assert_eq!(batch.len() as u64, expected);
}

criterion_group! { name = benches; config = common::config(); targets = fan_out }
criterion_main!(benches);
