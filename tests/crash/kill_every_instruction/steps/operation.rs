//! The operations, each done by a child of its own. What comes before and after the fences isn't part of them.

#![allow(unsafe_code, reason = "a process kills itself with a signal")]

use std::cell::Cell;
use std::hint::black_box;
use std::os::fd::BorrowedFd;

use nix::sys::signal::{Signal, raise};
use ringway::{Outcome, Patience, Producer, Ring, Start};

use super::fence;
use super::message::{MOST, compose};
use super::tracee::Task;
use testkit::TestRing;

/// What is killed at each of its instructions.
#[derive(Clone, Copy)]
pub struct Operation {
    pub name: &'static str,
    pub task: Task,
    pub actor: Actor,
    /// Whether it has few instructions with messages of several lengths, even if the program isn't optimised.
    pub short: bool,
}

impl Operation {
    /// Cells of the ring: one for a consumer that survives, and as many as the process that dies may hold. So a
    /// consumer that comes later takes one of a dead consumer's.
    pub fn cells(&self) -> u64 {
        if self.name == CLONE { 3 } else { 2 }
    }

    /// Whether it needs a ring that can skip.
    pub fn skips(&self) -> bool {
        [SKIP, SKIP_A_LAP].contains(&self.name)
    }

    /// Whether it needs a best-effort reader that is a lap behind.
    pub fn passes_over(&self) -> bool {
        self.name == PASS_OVER
    }

    /// Whether a consumer may hold a message meanwhile: a skip of more than a lap would wait for it.
    pub fn goes_beside_readers(&self) -> bool {
        self.name != SKIP_A_LAP
    }
}

/// The operation that finds a best-effort reader a lap behind.
const PASS_OVER: &str = "pass_over";

/// Operations that skip sequences.
const SKIP: &str = "skip";
const SKIP_A_LAP: &str = "skip_a_lap";

/// The operation that takes a second cell.
const CLONE: &str = "clone_consumer";

/// The role that does an operation.
#[derive(Clone, Copy)]
pub enum Actor {
    Producer,
    /// A producer that comes after one that died in the middle of this, leaving so many messages published
    /// that head doesn't count.
    Successor(Task, u64),
    Consumer,
    /// A best-effort reader that the producer has passed over and lapped.
    Lapped,
}

/// All of them.
pub const OPERATIONS: [Operation; 19] = [
    short("publish", publish, Actor::Producer),
    long("publish_after_a_scan", publish_after_a_scan, Actor::Producer),
    long("claim_and_commit", claim_and_commit, Actor::Producer),
    long("publish_batch", publish_batch, Actor::Producer),
    long("publish_batch_with", publish_batch_with, Actor::Producer),
    long("claim_batch_and_commit", claim_batch_and_commit, Actor::Producer),
    long(PASS_OVER, pass_over, Actor::Producer),
    long(SKIP, skip, Actor::Producer),
    long(SKIP_A_LAP, skip_a_lap, Actor::Producer),
    short("advance", advance, Actor::Consumer),
    long("join_latest", join_latest, Actor::Consumer),
    long("join_oldest", join_oldest, Actor::Consumer),
    long(CLONE, clone_consumer, Actor::Consumer),
    long("advance_best_effort", advance_best_effort, Actor::Consumer),
    long("rejoin", rejoin, Actor::Lapped),
    long("leave", leave, Actor::Consumer),
    long("takeover_after_a_batch", take_over, Actor::Successor(die_in_a_batch, UNCOUNTED)),
    long("takeover_after_a_claim", take_over, Actor::Successor(die_in_a_claim, 0)),
    long("close", close, Actor::Producer),
];

const fn short(name: &'static str, task: Task, actor: Actor) -> Operation {
    Operation { name, task, actor, short: true }
}

const fn long(name: &'static str, task: Task, actor: Actor) -> Operation {
    Operation { name, task, actor, short: false }
}

/// Messages of a batch: more than may be written without a scan.
const BATCH: u64 = 6;
/// Messages of a batch that its producer publishes before it dies.
const UNCOUNTED: u64 = 2;

fn next(producer: &Producer) -> Vec<u8> {
    compose(producer.next_seq(), producer.epoch())
}

fn publish(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut producer = ring.producer().unwrap();
    producer.publish(&next(&producer)).unwrap();
    let message = next(&producer);
    fence::begin();
    let published = producer.publish(black_box(&message));
    fence::end();
    published.unwrap();
}

fn publish_after_a_scan(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut producer = ring.producer().unwrap();
    let message = next(&producer);
    fence::begin();
    let published = producer.publish(black_box(&message));
    fence::end();
    published.unwrap();
}

fn pass_over(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut producer = ring.producer().unwrap();
    producer.set_patience(Patience::Lap);
    let message = next(&producer);
    fence::begin();
    let published = producer.publish(black_box(&message));
    fence::end();
    published.unwrap();
    assert_eq!(producer.passed_over().map(<[_]>::len), Ok(1));
}

fn claim_and_commit(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut producer = ring.producer().unwrap();
    let message = next(&producer);
    fence::begin();
    let mut claim = producer.claim(message.len()).unwrap();
    claim.copy_from_slice(black_box(&message));
    let committed = claim.commit();
    fence::end();
    committed.unwrap();
}

fn publish_batch(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut producer = ring.producer().unwrap();
    let (first, epoch) = (producer.next_seq(), producer.epoch());
    let messages: Vec<_> = (first..first + BATCH).map(|seq| compose(seq, epoch)).collect();
    fence::begin();
    let published = producer.publish_batch(black_box(&messages));
    fence::end();
    published.unwrap();
}

fn publish_batch_with(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut producer = ring.producer().unwrap();
    // Of several lengths: each is a batch of its own.
    let messages = [next(&producer), compose(producer.next_seq() + 1, producer.epoch())];
    fence::begin();
    for message in &messages {
        let write = |_, bytes: &mut [u8]| bytes.copy_from_slice(black_box(message));
        producer.publish_batch_with(1, message.len(), write).unwrap();
    }
    fence::end();
}

fn claim_batch_and_commit(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut producer = ring.producer().unwrap();
    let messages = [next(&producer), compose(producer.next_seq() + 1, producer.epoch())];
    let longest = messages.iter().map(Vec::len).max().unwrap();
    fence::begin();
    let mut batch = producer.claim_batch(messages.len(), longest).unwrap();
    for (mut claim, message) in batch.iter_mut().zip(&messages) {
        claim[..message.len()].copy_from_slice(black_box(message));
        claim.set_len(message.len()).unwrap();
    }
    let committed = batch.commit();
    fence::end();
    committed.unwrap();
}

fn skip(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    skip_by(ring, BATCH);
}

fn skip_a_lap(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    skip_by(ring, ring.geometry().slots() + 2);
}

fn skip_by(ring: &TestRing, count: u64) {
    let mut producer = ring.producer().unwrap();
    let end = producer.next_seq() + count;
    fence::begin();
    let skipped = producer.skip_to(black_box(end));
    fence::end();
    skipped.unwrap();
}

fn close(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut producer = ring.producer().unwrap();
    producer.publish(&next(&producer)).unwrap();
    fence::begin();
    let closed = producer.close();
    fence::end();
    closed.unwrap();
}

fn advance(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    fence::begin();
    let outcome = consumer.try_recv();
    let received = matches!(outcome, Ok(Outcome::Message(_)));
    drop(outcome);
    fence::end();
    assert!(received);
}

fn advance_best_effort(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut reader = ring.best_effort_reader(Start::Oldest).unwrap();
    let mut buffer = vec![0; MOST];
    fence::begin();
    let outcome = reader.try_recv_into(black_box(&mut buffer));
    fence::end();
    assert!(outcome.unwrap().is_message());
}

/// Notices that it was lapped, and joins anew.
fn rejoin(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut reader = ring.best_effort_reader(Start::Oldest).unwrap();
    let mut buffer = vec![0; MOST];
    fence::begin();
    let outcome = reader.try_recv_into(black_box(&mut buffer));
    fence::end();
    assert!(outcome.unwrap().is_lagged());
    assert_eq!(
        (reader.received() + reader.lost(), reader.times_lagged()),
        (reader.next_seq() - reader.start(), 1)
    );
}

fn join_latest(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    fence::begin();
    let consumer = ring.consumer(black_box(Start::Latest));
    fence::end();
    drop(consumer.unwrap());
}

fn join_oldest(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    fence::begin();
    let consumer = ring.consumer(black_box(Start::Oldest));
    fence::end();
    drop(consumer.unwrap());
}

fn clone_consumer(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let consumer = ring.consumer(Start::Oldest).unwrap();
    fence::begin();
    let clone = black_box(&consumer).try_clone();
    fence::end();
    drop(clone.unwrap());
}

fn leave(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    drop(consumer.try_recv().unwrap());
    fence::begin();
    drop(consumer);
    fence::end();
}

fn take_over(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    fence::begin();
    let producer = ring.producer();
    fence::end();
    drop(producer.unwrap());
}

/// Dies with stamps that head doesn't count.
fn die_in_a_batch(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    /// A message that kills the process that writes it.
    struct Message {
        bytes: Vec<u8>,
        /// How often it may be looked at before. Once to be checked, once to be written.
        looks: Cell<u32>,
    }
    impl AsRef<[u8]> for Message {
        fn as_ref(&self) -> &[u8] {
            if self.looks.get() == 0 {
                raise(Signal::SIGKILL).unwrap();
            }
            self.looks.set(self.looks.get() - 1);
            &self.bytes
        }
    }
    let mut producer = ring.producer().unwrap();
    let (first, epoch) = (producer.next_seq(), producer.epoch());
    let message =
        |at| Message { bytes: compose(first + at, epoch), looks: Cell::new(1 + u32::from(at < UNCOUNTED)) };
    let messages: Vec<_> = (0..=UNCOUNTED).map(message).collect();
    let _ = producer.publish_batch(&messages);
}

/// Dies with an odd stamp and, where claims are written in place, a message behind it.
fn die_in_a_claim(ring: &TestRing, _: u64, _: BorrowedFd<'_>) {
    let mut producer = ring.producer().unwrap();
    let message = next(&producer);
    let mut claim = producer.claim(message.len()).unwrap();
    claim.copy_from_slice(&message);
    raise(Signal::SIGKILL).unwrap();
}
