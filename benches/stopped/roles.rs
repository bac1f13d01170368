//! The processes of the ring: a producer that never rests, consumers that check every message, and a best-effort reader
//! that is stopped. Each says on its standard output what it counted.

use std::io::Read;
use std::path::Path;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ringway::{Outcome, Ring as _, Start, Wait, file};

/// Bytes of a message: its sequence, repeated.
pub const SIZE: usize = 48;
/// Most messages of a batch.
const BATCH: usize = 256;
/// Rounds of a consumer's work on a message.
const ROUNDS: u64 = 32;
/// How long a reader waits before it looks whether it is to end.
const SLICE: Duration = Duration::from_millis(20);

/// Set once standard input has ended.
static ENDED: AtomicBool = AtomicBool::new(false);

/// Publishes as fast as there is room until standard input ends. Then it closes the ring.
pub fn produce(path: &Path) -> ! {
    note_end();
    bind(0);
    let mut producer = file::open(path).expect("the ring").producer().expect("its only producer");
    producer.set_wait(Wait::Spin);
    while !ENDED.load(Ordering::Relaxed) {
        for _ in 0..BATCH {
            let word = producer.next_seq().to_ne_bytes();
            let mut message = [0; SIZE];
            message.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&word));
            producer.publish(&message).expect("a sound ring");
        }
    }
    let head = producer.next_seq();
    producer.close().expect("a sound ring");
    println!("{head}");
    exit(0);
}

/// Reads and checks every message until the ring is closed.
pub fn consume(path: &Path) -> ! {
    bind(1);
    let mut consumer = file::open(path).expect("the ring").consumer(Start::Oldest).expect("a free cell");
    consumer.set_wait(Wait::Yield);
    let mut next = 0;
    loop {
        match consumer.recv_batch(BATCH).expect("a sound ring") {
            Outcome::Message(batch) => {
                for message in &batch {
                    check(next, message.seq(), &message);
                    work(next);
                    next += 1;
                }
            }
            Outcome::Closed => break,
            other => panic!("expected a message after {next}, got {other:?}"),
        }
    }
    println!("{next}");
    exit(0);
}

/// Reads and checks every message, and counts those that it is told are lost, until standard input ends.
pub fn read(path: &Path) -> ! {
    note_end();
    bind(1);
    let ring = file::open(path).expect("the ring");
    let mut reader = ring.best_effort_reader(Start::Latest).expect("a free cell");
    reader.set_wait(Wait::Yield);
    let start = reader.next_seq();
    let (mut next, mut received, mut lost) = (start, 0, 0);
    println!("ready");
    while !ENDED.load(Ordering::Relaxed) {
        match reader.recv_timeout(SLICE).expect("a sound ring") {
            Outcome::Message(message) => {
                check(next, message.seq(), &message);
                (next, received) = (next + 1, received + 1);
            }
            Outcome::Lagged(n) => (next, lost) = (next + n, lost + n),
            Outcome::TimedOut => {}
            other => panic!("expected a message after {next}, got {other:?}"),
        }
    }
    // What the library counts is what this process counts.
    assert_eq!((reader.next_seq(), reader.received(), reader.lost()), (next, received, lost));
    assert_eq!(received + lost, next - start);
    println!("{received} {lost}");
    exit(0);
}

/// Works on a message for some tens of nanoseconds, so that the consumers' pace, which is steady, is the ring's. Where
/// all are equally fast, throughput jumps by a tenth and more.
fn work(seq: u64) {
    std::hint::black_box((0..ROUNDS).fold(seq, |sum, round| {
        std::hint::black_box(sum.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(7) ^ round
    }));
}

/// Makes sure that a message is the one that is expected.
fn check(expected: u64, seq: u64, message: &[u8]) {
    assert_eq!(seq, expected, "a message is missing, or comes again");
    let word = seq.to_ne_bytes();
    assert!(
        message.len() == SIZE && message.chunks_exact(8).all(|part| part == word),
        "message {seq} is torn"
    );
}

/// Binds this process to the core of that number, where there are as many.
fn bind(number: usize) {
    if let Some(&core) = testkit::cores::usable().unwrap_or_default().get(number) {
        let _ = testkit::cores::bind(core);
    }
}

/// Notes the end of standard input, which also comes when the process that started this one ends.
fn note_end() {
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        ENDED.store(true, Ordering::Relaxed);
    });
}
