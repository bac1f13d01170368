//! The models: tiny rings, a few messages, every interleaving within the preemption bound.
//!
//! No model loops until something happens: each side makes a bounded number of attempts and keeps what it
//! got, and the main thread checks the whole after both have ended.

#![allow(dead_code, unused_imports, reason = "each test file uses its share")]
#![allow(unsafe_code, reason = "joining a cell takes a promise about its lock")]

#[cfg(not(loom))]
compile_error!("the models need `--cfg loom`: run `cargo loom`");

mod best_effort;
mod cancelling;
mod cloning;
mod consume;
mod copying;
mod deaths;
mod deferring;
mod eighths;
mod fixed_length;
mod join;
mod joined_asleep;
mod notes;
mod observe;
mod parking;
mod passing_over;
mod producers;
mod voids;

use std::cell::Cell;
use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering};
use ringway_core::placement::{AsConsumer, AsObserver, AsProducer, HandleStatus, Liveness, ModelRing};
use ringway_core::{
    AttachError, Consumer, Geometry, Observer, Outcome, Producer, PublishError, Resume, Start,
};

pub use best_effort::{
    best_effort_keeps_up, best_effort_rejoins, death_in_rejoining, death_of_best_effort, space_best_effort,
    wake_best_effort,
};
pub use cancelling::{cancel, cancel_beside_message, cancel_full};
pub use cloning::{clone_and_leave, clone_beside, clone_of_clone, death_in_clone};
pub use consume::{
    abandoned, batch, batch_claimed, batch_in_place, close, consume, gate, head, leave, leave_unread, peeked,
};
pub use copying::{
    batch_claimed_staged, batch_copied, batch_staged, claim_staged, gate_copied, gate_copied_into,
    gate_copied_long, peeked_copied,
};
pub use deaths::{
    death_in_advance, death_in_batch, death_in_batch_advance, death_in_batch_claim, death_in_claim,
    death_in_claim_observed, death_in_entering, death_in_join, death_in_publish, death_in_publish_joined,
    death_in_publish_observed, death_in_reopening, death_in_staged_claim, death_in_takeover,
};
pub use deferring::{
    death_in_deferred_wake, space_deferred, wake_deferred, wake_deferred_fenced, wake_elsewhere,
    wake_elsewhere_beside, wake_elsewhere_fenced,
};
pub use eighths::{batch_ahead, join_eighths, observe_eighths, space_batch, space_quarter};
pub use fixed_length::{
    abandoned_split, batch_copied_split, batch_split, claim_line, claim_split, close_split, consume_line,
    consume_split, death_in_line_publish, death_in_split_batch, death_in_split_observed,
    death_in_split_publish, death_in_split_told, gate_line, gate_split, join_split, lost_split, observe_line,
    observe_split, succession_split,
};
pub use join::{join_at, join_latest, join_oldest, leave_rejoin, rejoin};
pub use joined_asleep::{
    space_joined, space_joined_fenced, space_joined_oldest, space_refused, space_rejoined,
    space_rejoined_oldest,
};
pub use observe::{
    observe, observe_abandoned, observe_batch, observe_batch_claimed, observe_batch_in_place, observe_laps,
    observe_staged, observe_waiting,
};
pub use parking::{
    death_in_bed, death_in_wake, nap_beside_sleeper, nap_by_close, space, space_again, space_fenced,
    space_in_other_mode, space_left, stray_cursor, two_sleepers, wake, wake_by_close, wake_by_drop,
    wake_by_drop_again, wake_by_drop_and_successor, wake_fenced, wake_in_other_mode,
};
pub use passing_over::{
    death_in_passing_over, passed_over_and_back, passed_over_beside_consumer, passed_over_copying,
    passed_over_rejoining,
};
pub use producers::{epoch, format, lost, lost_or_closed, reopened, succession, succession_into};
pub use voids::{
    death_in_long_skip, death_in_short_skip_observed, death_in_skip, death_in_skip_observed, skip_before,
    skip_before_observed, skip_consumed, skip_copied, skip_gated, skip_joined, skip_lap, skip_lap_observed,
    skip_laps_observed, skip_line, skip_observed, skip_split,
};

thread_local! {
    /// After how many steps a mortal process dies.
    static STEPS: Cell<u32> = const { Cell::new(0) };
    /// Whether one died in this exploration.
    static DIED: Cell<bool> = const { Cell::new(false) };
}

/// Runs the operation of a model that its process dies in: after as many steps as this exploration is about.
pub fn mortal<R>(operation: impl FnOnce() -> R) {
    let (_, died) = ringway_core::death::after(STEPS.get(), operation);
    DIED.set(DIED.get() | died);
}

/// What was explored.
#[derive(Clone, Copy, Default)]
pub struct Explored {
    pub executions: u64,
    /// Number of steps at which a process died.
    pub deaths: u32,
}

/// Explores `model` with at most `preemptions` involuntary switches per execution: once for each step at which
/// its mortal process may die, and once more for its living to the end.
pub fn explore(preemptions: usize, model: fn()) -> Explored {
    let mut explored = Explored::default();
    loop {
        STEPS.set(explored.deaths);
        DIED.set(false);
        explored.executions += explore_once(preemptions, model);
        if !DIED.get() {
            return explored;
        }
        explored.deaths += 1;
    }
}

fn explore_once(preemptions: usize, model: fn()) -> u64 {
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 10_000;
    let counted = count.clone();
    builder.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        model();
    });
    count.load(std::sync::atomic::Ordering::Relaxed) as u64
}

/// Runs both closures, each in a thread of its own, to their ends.
pub fn both<A: 'static, B: 'static>(
    one: impl FnOnce() -> A + 'static,
    other: impl FnOnce() -> B + 'static,
) -> (A, B) {
    let (one, other) = (loom::thread::spawn(one), loom::thread::spawn(other));
    (one.join().unwrap(), other.join().unwrap())
}

/// The kernel's part in a model: everyone lives, unless a lock says otherwise.
///
/// A lock is only ever read and written at once, since the kernel's answer is never out of date, and loom knows
/// an order of such accesses alone.
#[derive(Clone, Default)]
pub struct Kernel {
    lock: Option<Arc<AtomicBool>>,
    producer: Option<Arc<AtomicBool>>,
    /// Whether the drop of a producer frees its lock: a process that died runs no drop, but its model does.
    drops: bool,
}

impl Kernel {
    /// One lock, for every cell; free at first.
    pub fn with_lock() -> Self {
        Self { lock: Some(Arc::new(AtomicBool::new(false))), ..Self::default() }
    }

    /// A producer's lock, held at first.
    pub fn with_producer() -> Self {
        Self { producer: Some(Arc::new(AtomicBool::new(true))), ..Self::default() }
    }

    /// The same, freed when the producer is dropped.
    pub fn with_producer_to_drop() -> Self {
        Self { drops: true, ..Self::with_producer() }
    }

    /// The same lock for a producer whose drop doesn't count.
    pub fn without_drops(&self) -> Self {
        Self { drops: false, ..self.clone() }
    }

    /// Takes the producer's lock if it is free. Whether it was.
    pub fn try_take_producer(&self) -> bool {
        let lock = self.producer.as_ref().expect("this model has a producer's lock");
        lock.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Frees the producer's lock, as its death does.
    pub fn end_producer(&self) {
        self.producer.as_ref().expect("this model has a producer's lock").swap(false, Ordering::AcqRel);
    }

    /// Takes the producer's lock, as a successor does once it is free.
    pub fn take_producer(&self) {
        let lock = self.producer.as_ref().expect("this model has a producer's lock");
        assert!(!lock.swap(true, Ordering::AcqRel), "the producer's lock is held");
    }

    /// Frees the cells' lock, as a consumer's death does.
    pub fn free(&self) {
        self.lock.as_ref().expect("this model has a lock").swap(false, Ordering::AcqRel);
    }

    /// Takes the lock, as a joining consumer does. Fails if it is held.
    pub fn take(&self) -> bool {
        let lock = self.lock.as_ref().expect("this model has a lock");
        lock.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Liveness for Kernel {
    fn producer_alive(&self) -> bool {
        self.producer.as_ref().is_none_or(|lock| lock.fetch_or(false, Ordering::AcqRel))
    }

    fn cell_alive(&self, _cell: usize) -> bool {
        self.lock.as_ref().is_none_or(|lock| lock.fetch_or(false, Ordering::AcqRel))
    }

    fn free_producer(&self) -> bool {
        if self.drops {
            self.end_producer();
        }
        self.drops
    }

    fn handle_status(&self) -> HandleStatus {
        HandleStatus::never()
    }
}

pub fn producer(ring: &ModelRing) -> Producer {
    producer_with(ring, &Kernel::default())
}

pub fn producer_with(ring: &ModelRing, kernel: &Kernel) -> Producer {
    Producer::enter(ring.region::<AsProducer>(Box::new(kernel.clone()))).expect("a fresh ring")
}

pub fn consumer(ring: &ModelRing, cell: usize, start: Start) -> Consumer {
    consumer_with(ring, cell, start, &Kernel::default())
}

pub fn consumer_with(ring: &ModelRing, cell: usize, start: Start, kernel: &Kernel) -> Consumer {
    try_join(ring, cell, start, kernel).expect("joins")
}

pub fn try_join(
    ring: &ModelRing,
    cell: usize,
    start: Start,
    kernel: &Kernel,
) -> Result<Consumer, AttachError> {
    let region = ring.region::<AsConsumer>(Box::new(kernel.clone()));
    // SAFETY: a model joins each cell once, or after its last consumer is gone.
    unsafe { Consumer::join(region, cell, start) }
}

pub fn observer(ring: &ModelRing, start: Start) -> Observer {
    observer_with(ring, start, Resume::OldestSafe)
}

pub fn observer_with(ring: &ModelRing, start: Start, resume: Resume) -> Observer {
    Observer::attach(ring.region::<AsObserver>(Box::new(Kernel::default())), start, resume).expect("attaches")
}

/// The message of sequence `seq` in a ring: one word or, where two fit, now one and now two, such that no
/// mixture of two messages is a third. Two each time where messages have one length.
pub fn message(ring: &Geometry, seq: u64) -> Vec<u8> {
    let mut bytes = (seq * 16 + 1).to_ne_bytes().to_vec();
    let two = seq.is_multiple_of(2) || ring.stride_kind().is_fixed_length();
    if two && ring.payload_capacity() > 8 {
        bytes.extend((seq * 16 + 2).to_ne_bytes());
    }
    bytes
}

/// The next message that `producer` is to publish.
pub fn next_message(producer: &Producer) -> Vec<u8> {
    message(producer.geometry(), producer.next_seq())
}

/// Publishes one message if there is room. Whether there was.
pub fn publish(producer: &mut Producer) -> bool {
    match producer.try_publish(&next_message(producer)) {
        Ok(_) => true,
        Err(PublishError::Full(_)) => false,
        Err(error) => panic!("publish: {error}"),
    }
}

/// Publishes up to two messages in one batch.
pub fn publish_two(producer: &mut Producer) {
    let (ring, next) = (producer.geometry(), producer.next_seq());
    let batch = [message(ring, next), message(ring, next + 1)];
    match producer.try_publish_batch(&batch) {
        Ok(_) | Err(PublishError::Full(_)) => {}
        Err(error) => panic!("publish: {error}"),
    }
}

/// The same, written in place, in a ring whose messages are all of one word: those of a batch have one length.
pub fn publish_two_in_place(producer: &mut Producer) {
    let ring = producer.geometry().clone();
    let write = |seq, bytes: &mut [u8]| bytes.copy_from_slice(&message(&ring, seq));
    match producer.try_publish_batch_with(2, 8, write) {
        Ok(_) | Err(PublishError::Full(_)) => {}
        Err(error) => panic!("publish: {error}"),
    }
}

/// Claims two messages, which are all of one word, and gives them up; claims and publishes two if there is room.
pub fn publish_two_claimed(producer: &mut Producer) {
    for commits in [false, true] {
        claim_two(producer, commits);
    }
}

/// Claims two messages, which are all of one word, if there is room; commits them or gives them up.
pub fn claim_two(producer: &mut Producer, commits: bool) {
    let ring = producer.geometry().clone();
    let mut batch = match producer.try_claim_batch(2, 8) {
        Ok(batch) => batch,
        Err(PublishError::Full(_)) => return,
        Err(error) => panic!("claim: {error}"),
    };
    for mut claim in batch.iter_mut() {
        let written = if commits { message(&ring, claim.seq()) } else { vec![0xEE; 8] };
        claim.copy_from_slice(&written);
    }
    if commits {
        batch.commit().expect("this model's own claim");
    }
}

/// Receives one message if it is there, and checks it. Whether it was.
pub fn receive(consumer: &mut Consumer) -> bool {
    let seq = consumer.next_seq();
    let expected = message(consumer.geometry(), seq);
    match consumer.try_recv().expect("a sound ring") {
        Outcome::Message(guard) => {
            assert_eq!((guard.seq(), &*guard), (seq, &*expected));
            true
        }
        Outcome::Empty => false,
        other => panic!("receive: {other:?}"),
    }
}

/// Looks for one message, and checks it and the accounts. What there was.
pub fn look(observer: &mut Observer) -> Outcome<()> {
    let before = (observer.next_seq(), observer.lost());
    let expected = message(observer.geometry(), before.0);
    let outcome = match observer.try_recv().expect("a sound ring") {
        Outcome::Message(received) => {
            assert_eq!((received.seq(), &*received), (before.0, &*expected));
            Outcome::Message(())
        }
        other => other.map(|_| ()),
    };
    if let Outcome::Lagged(n) = outcome {
        assert!(n > 0);
        assert_eq!((observer.next_seq(), observer.lost()), (before.0 + n, before.1 + n));
    }
    outcome
}

/// Reads until nothing comes, at a quiet point: every message must be accounted for.
pub fn settle(mut observer: Observer) {
    let head = observer.head().expect("a sound head");
    for _ in 0..32 {
        if let Outcome::Empty | Outcome::Closed = look(&mut observer) {
            assert_eq!(observer.received() + observer.lost(), head - observer.start());
            return;
        }
    }
    panic!("the observer doesn't come to an end at head {head}: {observer:?}");
}

/// Receives until nothing comes, at a quiet point: everything from the consumer's cursor to head.
pub fn drain(consumer: &mut Consumer) {
    for _ in 0..consumer.len().expect("a sound head") {
        assert!(receive(consumer), "message {} is counted by head and not there", consumer.next_seq());
    }
    assert!(!receive(consumer), "a message past head");
}
