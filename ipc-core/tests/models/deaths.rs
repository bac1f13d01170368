//! Processes that die at each step of an operation, and what the surviving ones find.

use std::time::Duration;

use ringway_core::placement::{AsProducer, ModelRing};
use ringway_core::{Consumer, Observer, Outcome, Producer, Start, State, Wait};

use super::notes::{Notes, accepted, agree, look, look_unlapped, note, receive, signed};
use super::{Kernel, both, consumer_with, mortal, observer, producer_with};

/// Publishes one message if there is room. Whether it was published, as far as this process knows.
pub(super) fn publish(tx: &mut Producer) -> bool {
    let message = signed(tx.geometry(), tx.epoch(), tx.next_seq());
    tx.try_publish(&message).is_ok()
}

pub(super) fn publish_two(tx: &mut Producer) {
    let (ring, epoch, next) = (tx.geometry(), tx.epoch(), tx.next_seq());
    let batch = [signed(ring, epoch, next), signed(ring, epoch, next + 1)];
    let _ = tx.try_publish_batch(&batch);
}

fn claim_two(tx: &mut Producer) {
    let (ring, epoch, next) = (tx.geometry().clone(), tx.epoch(), tx.next_seq());
    let Ok(mut batch) = tx.try_claim_batch(2, 16) else { return };
    for (mut claim, seq) in batch.iter_mut().zip(next..) {
        claim.copy_from_slice(&signed(&ring, epoch, seq));
    }
    let _ = batch.commit();
}

fn claim(tx: &mut Producer) {
    let message = signed(tx.geometry(), tx.epoch(), tx.next_seq());
    if let Ok(mut claim) = tx.try_claim(message.len()) {
        claim.copy_from_slice(&message);
        let _ = claim.commit();
    }
}

/// A successor, once the lock is free, and a message of it.
pub(super) fn succeed(ring: &ModelRing, kernel: &Kernel) -> Producer {
    kernel.end_producer();
    kernel.take_producer();
    let mut tx = producer_with(ring, kernel);
    publish(&mut tx);
    tx
}

/// A producer that dies in `last`, and its successor.
fn dies_and_is_succeeded(
    ring: &ModelRing,
    kernel: &Kernel,
    mut tx: Producer,
    last: fn(&mut Producer),
) -> impl FnOnce() -> Producer + 'static {
    let (ring, kernel) = (ring.clone(), kernel.clone());
    move || {
        mortal(|| last(&mut tx));
        succeed(&ring, &kernel)
    }
}

/// A producer dies in `last`, another takes over; a consumer reads on without noticing.
fn to_consumer(slots: u64, last: fn(&mut Producer)) {
    to_consumer_on(&ModelRing::new(slots, 2, 1), last);
}

pub(super) fn to_consumer_on(ring: &ModelRing, last: fn(&mut Producer)) {
    let kernel = Kernel::with_producer();
    let tx = producer_with(ring, &kernel);
    let mut rx = consumer_with(ring, 0, Start::Oldest, &kernel);
    let writers = dies_and_is_succeeded(ring, &kernel, tx, last);
    let reader = move || {
        let mut notes = Notes::new();
        receive(&mut rx, &mut notes);
        receive(&mut rx, &mut notes);
        (rx, notes)
    };
    let (tx, (mut rx, mut notes)) = both(writers, reader);
    // An epoch's change is reported between messages.
    while rx.next_seq() < tx.next_seq() {
        let before = rx.next_seq();
        assert!(receive(&mut rx, &mut notes) || receive(&mut rx, &mut notes), "message {before} is lost");
    }
    assert_eq!(notes.len() as u64, tx.next_seq(), "every message came once");
    agree(ring, &tx, &notes);
}

/// The same with an observer, which is lapped by the successor.
pub(super) fn to_observer(ring: &ModelRing, last: fn(&mut Producer)) {
    to_observer_from(ring, Start::Oldest, last, look);
}

/// The same with an observer at head, of a ring that has room for all that comes: it isn't lapped.
pub(super) fn to_unlapped_observer(ring: &ModelRing, last: fn(&mut Producer)) {
    to_observer_from(ring, Start::Latest, last, look_unlapped);
}

fn to_observer_from(
    ring: &ModelRing,
    start: Start,
    last: fn(&mut Producer),
    look: fn(&mut Observer, &mut Notes),
) {
    let kernel = Kernel::with_producer();
    let mut tx = producer_with(ring, &kernel);
    publish(&mut tx);
    let mut watcher = observer(ring, start);
    let writers = dies_and_is_succeeded(ring, &kernel, tx, last);
    let reader = move || {
        let mut notes = Notes::new();
        look(&mut watcher, &mut notes);
        look(&mut watcher, &mut notes);
        (watcher, notes)
    };
    let (tx, (mut watcher, mut notes)) = both(writers, reader);
    for _ in 0..tx.geometry().slots() + 4 {
        look(&mut watcher, &mut notes);
    }
    assert_eq!(watcher.received() + watcher.lost(), tx.next_seq() - watcher.start());
    assert_eq!(watcher.received(), accepted(&notes));
    agree(ring, &tx, &notes);
}

/// A producer dies publishing: its message was published or was not, to all.
pub fn death_in_publish() {
    to_consumer(2, |tx| {
        publish(tx);
    });
}

/// The same, seen by an observer.
pub fn death_in_publish_observed() {
    to_observer(&ModelRing::new(2, 2, 1), |tx| {
        publish(tx);
    });
}

/// A producer dies with a claim in hand, or committing it.
pub fn death_in_claim() {
    to_consumer(2, claim);
}

/// The same, seen by an observer.
pub fn death_in_claim_observed() {
    to_observer(&ModelRing::new(2, 2, 1), claim);
}

/// The same of a claim that is staged.
pub fn death_in_staged_claim() {
    to_consumer_on(&ModelRing::new(2, 2, 1).untrusted(), claim);
}

/// A producer dies in a batch, whose first messages may be published while head says they aren't.
pub fn death_in_batch() {
    to_consumer(4, publish_two);
}

/// The same of a batch that is claimed, and marks all of its slots first.
pub fn death_in_batch_claim() {
    to_consumer(4, claim_two);
}

/// A successor that doesn't know how far the dead producer came must still see a consumer that joins meanwhile.
pub fn death_in_publish_joined() {
    let ring = ModelRing::new(2, 1, 1);
    let kernel = Kernel::with_producer();
    let mut tx = producer_with(&ring, &kernel);
    publish(&mut tx);
    publish(&mut tx);
    let (ring_of_writers, kernel_of_writers) = (ring.clone(), kernel.clone());
    let writers = move || {
        mortal(|| publish(&mut tx));
        succeed(&ring_of_writers, &kernel_of_writers)
    };
    let (ring_of_reader, kernel_of_reader) = (ring.clone(), kernel.clone());
    let reader = move || {
        let mut rx = consumer_with(&ring_of_reader, 0, Start::Oldest, &kernel_of_reader);
        let mut notes = Notes::new();
        receive(&mut rx, &mut notes);
        (rx, notes)
    };
    let (tx, (mut rx, mut notes)) = both(writers, reader);
    let first = rx.next_seq() - notes.len() as u64;
    while rx.next_seq() < tx.next_seq() {
        let before = rx.next_seq();
        assert!(receive(&mut rx, &mut notes) || receive(&mut rx, &mut notes), "message {before} is lost");
    }
    assert_eq!(notes.len() as u64, tx.next_seq() - first);
    agree(&ring, &tx, &notes);
}

/// A successor dies taking over, and another one takes over from it.
pub fn death_in_takeover() {
    takeover(false);
}

/// The same on a ring that was closed: it is closed, or open in a new epoch.
pub fn death_in_reopening() {
    takeover(true);
}

fn takeover(closed: bool) {
    let ring = ModelRing::new(2, 1, 1);
    let kernel = Kernel::with_producer();
    let mut tx = producer_with(&ring, &kernel);
    let mut rx = consumer_with(&ring, 0, Start::Oldest, &kernel);
    publish(&mut tx);
    let mut tx = producer_with(&ring, &kernel);
    publish(&mut tx);
    if closed {
        tx.close().unwrap();
    }
    let (ring_of_writers, kernel_of_writers) = (ring.clone(), kernel.clone());
    let writers = move || {
        kernel_of_writers.end_producer();
        kernel_of_writers.take_producer();
        let region = ring_of_writers.region::<AsProducer>(Box::new(kernel_of_writers.clone()));
        mortal(|| Producer::enter(region));
        succeed(&ring_of_writers, &kernel_of_writers)
    };
    let reader = move || {
        let geometry = rx.geometry().clone();
        let (mut notes, mut told) = (Notes::new(), Vec::new());
        let mut epoch = 1;
        for _ in 0..3 {
            match rx.try_recv().expect("a sound ring") {
                Outcome::Message(guard) => note(&mut notes, &geometry, guard.seq(), &guard),
                Outcome::EpochChanged { epoch: new, first_seq } => {
                    assert!(new > epoch, "epoch {new} after {epoch}");
                    told.push((new, first_seq));
                    epoch = new;
                }
                Outcome::Closed => assert!(closed && epoch == 2 && notes.len() == 2, "closed too early"),
                Outcome::Empty => {}
                other => panic!("{other:?}"),
            }
        }
        (rx, notes, told)
    };
    let (tx, (mut rx, mut notes, told)) = both(writers, reader);
    assert!(tx.epoch() >= 3);
    for (epoch, first_seq) in told {
        // What was told of an epoch may be true of the next but one, if there is one.
        let expected = if (epoch, tx.epoch()) == (2, 3) { 1..=1 } else { 1..=2 };
        assert!(expected.contains(&first_seq), "epoch {epoch} from {first_seq}");
    }
    while rx.next_seq() < tx.next_seq() {
        let before = rx.next_seq();
        assert!(receive(&mut rx, &mut notes) || receive(&mut rx, &mut notes), "message {before} is lost");
    }
    assert_eq!(notes.len() as u64, tx.next_seq());
    agree(&ring, &tx, &notes);
}

/// The first producer dies entering: a reader that waits for it is told, unless it left no trace.
pub fn death_in_entering() {
    let ring = ModelRing::new(2, 1, 1);
    let kernel = Kernel::with_producer();
    let mut rx = consumer_with(&ring, 0, Start::Oldest, &kernel);
    let region = ring.region::<AsProducer>(Box::new(kernel.clone()));
    let producer = move || {
        mortal(|| Producer::enter(region));
        kernel.end_producer();
    };
    let reader = move || {
        let early = wait(&mut rx);
        (rx, early)
    };
    let ((), (mut rx, mut losses)) = both(producer, reader);
    losses += wait(&mut rx) + wait(&mut rx);
    assert_eq!(losses, u32::from(rx.state().unwrap() == State::Open));
}

/// Waits for a moment; counts losses of the producer.
fn wait(rx: &mut Consumer) -> u32 {
    rx.set_wait(Wait::Spin);
    // The shortest wait: it asks the kernel at its second turn.
    match rx.recv_timeout(Duration::from_nanos(1)).expect("a sound ring") {
        Outcome::ProducerLost => 1,
        Outcome::TimedOut => 0,
        other => panic!("{:?}", other.map(drop)),
    }
}

/// A consumer dies reading; another takes its cell, and the producer waits for neither longer than it must.
pub fn death_in_advance() {
    of_consumer(|rx| {
        receive(rx, &mut Notes::new());
    });
}

/// The same with a batch.
pub fn death_in_batch_advance() {
    of_consumer(|rx| {
        let _ = rx.try_recv_batch(2).map(drop);
    });
}

fn of_consumer(last: fn(&mut Consumer)) {
    let ring = ModelRing::new(2, 1, 1);
    let kernel = Kernel::with_lock();
    let mut tx = producer_with(&ring, &kernel);
    assert!(kernel.take());
    let mut rx = consumer_with(&ring, 0, Start::Oldest, &kernel);
    publish(&mut tx);
    publish(&mut tx);
    let reader = move || {
        mortal(|| last(&mut rx));
        // It is gone: nothing runs its drop.
        std::mem::forget(rx);
        kernel.free();
    };
    let writer = move || {
        for _ in 0..3 {
            publish(&mut tx);
        }
        tx
    };
    let (mut tx, ()) = both(writer, reader);
    // Once the producer may have gone by the cell that filled the ring, instead of asking the kernel.
    assert!(publish(&mut tx) || publish(&mut tx), "a dead consumer holds the producer back");
    agree(&ring, &tx, &Notes::new());
}

/// A consumer dies joining, and another joins in its cell: that one loses nothing.
pub fn death_in_join() {
    let ring = ModelRing::new(2, 1, 1);
    let kernel = Kernel::with_lock();
    let mut tx = producer_with(&ring, &kernel);
    publish(&mut tx);
    publish(&mut tx);
    let ring_of_readers = ring.clone();
    let readers = move || {
        assert!(kernel.take());
        mortal(|| {
            std::mem::forget(super::try_join(&ring_of_readers, 0, Start::Oldest, &kernel));
        });
        kernel.free();
        assert!(kernel.take());
        let mut rx = consumer_with(&ring_of_readers, 0, Start::Oldest, &kernel);
        let mut notes = Notes::new();
        receive(&mut rx, &mut notes);
        (rx, notes)
    };
    let writer = move || {
        for _ in 0..3 {
            publish(&mut tx);
        }
        tx.store_deferred_head();
        tx
    };
    let (tx, (mut rx, mut notes)) = both(writer, readers);
    while rx.next_seq() < tx.next_seq() {
        assert!(receive(&mut rx, &mut notes), "message {} is lost", rx.next_seq());
    }
    agree(&ring, &tx, &notes);
}
