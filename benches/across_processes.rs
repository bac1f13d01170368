//! Throughput from one process to another, each on a core of its own: every byte is written, and every byte is
//! read by a consumer that loses nothing.

#![allow(unsafe_code, reason = "forking a process is unsafe: see the SAFETY comment")]

mod common;

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::time::{Duration, Instant};

use common::{SIZES, sum, write};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringway::anon::{self, Child, fork};
use ringway::{Config, Consumer, Outcome, Producer, Ring, Start, Wait};
use testkit::cores;

const PATIENCE: Duration = Duration::from_secs(20);
const BATCH: usize = 64;

fn throughput(c: &mut Criterion) {
    let mut group = c.benchmark_group("across processes");
    group.throughput(Throughput::Elements(1));
    let cores = cores::usable().expect("this process's cores");
    for slots in [1024, 16_384] {
        for size in SIZES {
            for batch in [1, BATCH] {
                let mut other = Other::start(&cores, slots, size, batch);
                let name = if batch == 1 { "one by one".into() } else { format!("by {batch}") };
                group.bench_function(format!("{slots} slots/{size} B/{name}"), |b| {
                    b.iter_custom(|count| other.measure(count));
                });
                other.end();
            }
        }
    }
    group.finish();
}

/// The producer here, and the child that consumes.
struct Other {
    producer: Producer,
    messages: Vec<Vec<u8>>,
    child: Child,
    counts: PipeWriter,
    sums: PipeReader,
}

impl Other {
    fn start(cores: &[usize], slots: u64, size: usize, batch: usize) -> Self {
        let config = Config::new().slots(slots).payload_capacity(size as u64).max_consumers(1);
        let ring = anon::create(&config).expect("an anonymous ring");
        let (mut theirs, counts) = pipe().expect("a pipe");
        let (sums, mut answer) = pipe().expect("a pipe");
        // SAFETY: no guard, claim or batch exists.
        let child = unsafe {
            fork(|| {
                run_on(cores.get(1));
                let mut consumer = ring.consumer(Start::Latest).expect("a free cell");
                say(&mut answer, 0);
                loop {
                    let count = hear(&mut theirs);
                    if count == 0 {
                        return 0;
                    }
                    let total = if batch == 1 {
                        consume(&mut consumer, count)
                    } else {
                        consume_batches(&mut consumer, count, batch)
                    };
                    say(&mut answer, total);
                }
            })
        };
        run_on(cores.first());
        let mut producer = ring.producer().expect("its only producer");
        producer.set_wait(Wait::Spin);
        let child = child.expect("a process with one thread");
        let mut other = Self { producer, messages: vec![vec![0; size]; batch], child, counts, sums };
        // It has joined.
        hear(&mut other.sums);
        other
    }

    /// How long it takes until `count` messages have been read.
    fn measure(&mut self, count: u64) -> Duration {
        say(&mut self.counts, count);
        let (mut expected, mut number) = (0_u64, 0);
        let words = (self.messages[0].len() / 8) as u64;
        let began = Instant::now();
        while number < count {
            let run = self.messages.len().min((count - number) as usize);
            for message in &mut self.messages[..run] {
                write(message, number);
                expected = expected.wrapping_add(number.wrapping_mul(words));
                number += 1;
            }
            match &self.messages[..run] {
                [message] => self.producer.publish(message).map(|_| ()).expect("the consumer reads"),
                messages => self.producer.publish_batch(messages).expect("the consumer reads"),
            }
        }
        let total = hear(&mut self.sums);
        let took = began.elapsed();
        assert_eq!(total, expected);
        took
    }

    fn end(mut self) {
        say(&mut self.counts, 0);
        assert!(self.child.wait().expect("a child").success());
    }
}

fn consume(consumer: &mut Consumer, count: u64) -> u64 {
    consumer.set_wait(Wait::Spin);
    let mut total = 0_u64;
    for _ in 0..count {
        match consumer.recv_timeout(PATIENCE).expect("a sound ring") {
            Outcome::Message(message) => total = total.wrapping_add(sum(&message)),
            other => panic!("expected a message, got {other:?}"),
        }
    }
    total
}

fn consume_batches(consumer: &mut Consumer, count: u64, most: usize) -> u64 {
    consumer.set_wait(Wait::Spin);
    let (mut total, end) = (0_u64, consumer.next_seq() + count);
    while consumer.next_seq() < end {
        match consumer.recv_batch_timeout(most, PATIENCE).expect("a sound ring") {
            Outcome::Message(batch) => {
                total = batch.iter().fold(total, |total, message| total.wrapping_add(sum(&message)));
            }
            other => panic!("expected messages, got {other:?}"),
        }
    }
    total
}

fn say(to: &mut PipeWriter, number: u64) {
    to.write_all(&number.to_ne_bytes()).expect("the other process listens");
}

fn hear(from: &mut PipeReader) -> u64 {
    let mut number = [0; 8];
    from.read_exact(&mut number).expect("the other process speaks");
    u64::from_ne_bytes(number)
}

/// Keeps this process on a core, if there is one.
fn run_on(core: Option<&usize>) {
    if let Some(&core) = core {
        cores::bind(core).expect("a core that this process may use");
    }
}

criterion_group! { name = benches; config = common::config(); targets = throughput }
criterion_main!(benches);
