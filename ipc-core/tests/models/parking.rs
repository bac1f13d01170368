//! Readers and producers that sleep. A modelled sleeper makes no further step: a thread that still sleeps once
//! everything has happened has slept through it.

use std::time::Duration;

use ringway_core::placement::ModelRing;
use ringway_core::{Consumer, Observer, Outcome, Producer, PublishError, Start, Wait, WakeMode};

use super::{
    Kernel, both, consumer, consumer_with, message, mortal, next_message, observer, producer, producer_with,
    publish, receive,
};

/// Receives up to `count` messages, and sleeps rather than do without.
pub(super) fn receive_asleep(rx: &mut Consumer, count: u64) {
    for _ in 0..count {
        let seq = rx.next_seq();
        let expected = message(rx.geometry(), seq);
        match rx.recv().expect("a sound ring") {
            Outcome::Message(guard) => assert_eq!((guard.seq(), &*guard), (seq, &*expected)),
            Outcome::TimedOut | Outcome::Closed => return,
            other => panic!("receive: {other:?}"),
        }
    }
}

/// Publishes up to `count` messages, and sleeps rather than give up.
pub(super) fn publish_asleep(tx: &mut Producer, count: u64) {
    tx.set_wait(Wait::Park);
    for _ in 0..count {
        match tx.publish(&next_message(tx)) {
            Ok(_) => {}
            Err(PublishError::TimedOut(_)) => return,
            Err(error) => panic!("publish: {error}"),
        }
    }
}

pub(super) fn nobody_sleeps(ring: &ModelRing) {
    assert_eq!(ring.asleep(), 0, "somebody sleeps through what happened");
}

/// No consumer sleeps through a message. (`S1`/`S2`)
pub fn wake() {
    wakes(WakeMode::Asymmetric);
}

/// The same where publishing executes a fence.
pub fn wake_fenced() {
    wakes(WakeMode::Fenced);
}

fn wakes(mode: WakeMode) {
    let ring = ModelRing::new(4, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    assert_eq!(tx.set_wake_mode(mode), Ok(mode));
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
    };
    both(writer, move || receive_asleep(&mut rx, 2));
    nobody_sleeps(&ring);
}

/// Nor if it goes to sleep in one mode and the message comes in the other.
pub fn wake_in_other_mode() {
    let ring = ModelRing::new(4, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    let writer = move || {
        assert_eq!(tx.set_wake_mode(WakeMode::Fenced), Ok(WakeMode::Fenced));
        publish(&mut tx);
    };
    both(writer, move || receive_asleep(&mut rx, 1));
    nobody_sleeps(&ring);
}

/// What wakes one consumer takes nothing from another one.
pub fn two_sleepers() {
    let ring = ModelRing::new(4, 1, 2).with_sleepers();
    let mut tx = producer(&ring);
    let (mut one, mut other) = (consumer(&ring, 0, Start::Oldest), consumer(&ring, 1, Start::At(1)));
    let second = loom::thread::spawn(move || receive_asleep(&mut other, 1));
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
    };
    both(writer, move || receive_asleep(&mut one, 1));
    second.join().unwrap();
    nobody_sleeps(&ring);
}

/// No consumer sleeps through the end. (`B1`/`B2`)
pub fn wake_by_close() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    both(move || tx.close().unwrap(), move || receive_asleep(&mut rx, 1));
    nobody_sleeps(&ring);
}

/// An observer that sleeps hears each ring that follows its last look: closing always rings. (`B1`/`B2`)
pub fn nap_by_close() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let (mut tx, mut watcher) = (producer(&ring), observer(&ring, Start::Oldest));
    both(move || tx.close().unwrap(), move || sleep_once(&mut watcher));
    nobody_sleeps(&ring);
}

/// An observer hears the bell that is rung for a consumer; where nobody rings, it sleeps through the message.
pub fn nap_beside_sleeper() {
    let ring = ModelRing::new(4, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    let mut watcher = observer(&ring, Start::Oldest);
    let before = ring.rings();
    let observing = loom::thread::spawn(move || sleep_once(&mut watcher));
    let writer = move || {
        publish(&mut tx);
    };
    both(writer, move || receive_asleep(&mut rx, 1));
    observing.join().unwrap();
    assert!(ring.rings() > before || ring.asleep() <= 1, "the consumer sleeps through the message");
    if ring.rings() > before {
        nobody_sleeps(&ring);
    }
}

/// Waits for the first message, for one slice.
fn sleep_once(watcher: &mut Observer) {
    let expected = message(watcher.geometry(), 0);
    match watcher.recv().expect("a sound ring") {
        Outcome::Message(received) => assert_eq!((received.seq(), &*received), (0, &*expected)),
        Outcome::TimedOut | Outcome::Closed => {}
        other => panic!("receive: {:?}", other.map(drop)),
    }
}

/// No consumer sleeps through the drop of its producer, whose lock is free before the bell is rung. (`B1`/`B2`)
pub fn wake_by_drop() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let kernel = Kernel::with_producer_to_drop();
    let tx = producer_with(&ring, &kernel);
    let rx = consumer_with(&ring, 0, Start::Oldest, &kernel);
    drops_beside(tx, rx, &ring);
}

/// The producer is dropped while the consumer waits, which doesn't sleep through it.
fn drops_beside(tx: Producer, mut rx: Consumer, ring: &ModelRing) {
    both(
        move || drop(tx),
        move || {
            let outcome = rx.recv().expect("a sound ring");
            assert!(matches!(outcome, Outcome::ProducerLost | Outcome::TimedOut));
        },
    );
    nobody_sleeps(ring);
}

/// Nor if it slept before, and was told then that the producer lives.
pub fn wake_by_drop_again() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let kernel = Kernel::with_producer_to_drop();
    let tx = producer_with(&ring, &kernel);
    let mut rx = consumer_with(&ring, 0, Start::Oldest, &kernel);
    assert!(matches!(rx.recv(), Ok(Outcome::TimedOut)));
    assert_eq!(ring.asleep(), 1);
    drops_beside(tx, rx, &ring);
}

/// Nor, while the old producer still rings, through the coming of the new one.
pub fn wake_by_drop_and_successor() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let kernel = Kernel::with_producer_to_drop();
    let tx = producer_with(&ring, &kernel);
    let mut rx = consumer_with(&ring, 0, Start::Oldest, &kernel);
    let (ring_of_successor, kernel_of_successor) = (ring.clone(), kernel.without_drops());
    let successor = loom::thread::spawn(move || {
        if kernel_of_successor.try_take_producer() {
            drop(producer_with(&ring_of_successor, &kernel_of_successor));
        }
    });
    both(
        move || drop(tx),
        move || {
            for _ in 0..2 {
                match rx.recv().expect("a sound ring") {
                    Outcome::TimedOut | Outcome::EpochChanged { .. } => return,
                    Outcome::ProducerLost => {}
                    other => panic!("{other:?}"),
                }
            }
        },
    );
    successor.join().unwrap();
    // Without a successor the reader sleeps on once it was told.
    let epoch = observer(&ring, Start::Latest).epoch().unwrap();
    assert!(ring.asleep() == 0 || epoch == 1, "somebody sleeps through what happened");
}

/// A producer dies publishing, be it between the flag and the bell: the readers that it didn't
/// wake, its successor wakes.
pub fn death_in_wake() {
    let ring = ModelRing::new(4, 1, 1).with_sleepers();
    let kernel = Kernel::with_producer();
    let mut tx = producer_with(&ring, &kernel);
    let mut rx = consumer_with(&ring, 0, Start::Oldest, &kernel);
    let ring_of_writers = ring.clone();
    let writers = move || {
        mortal(|| publish(&mut tx));
        kernel.end_producer();
        kernel.take_producer();
        drop(producer_with(&ring_of_writers, &kernel));
    };
    both(writers, move || {
        // Whatever it gets, or if it sleeps.
        let _ = rx.recv().map(drop);
    });
    nobody_sleeps(&ring);
}

/// A consumer dies on its way to sleep: it keeps nobody from waking the other one.
pub fn death_in_bed() {
    let ring = ModelRing::new(4, 1, 2).with_sleepers();
    let mut tx = producer(&ring);
    let (mut one, mut other) = (consumer(&ring, 0, Start::Oldest), consumer(&ring, 1, Start::Oldest));
    let readers = move || {
        mortal(|| {
            let _ = one.recv().map(drop);
        });
        std::mem::forget(one);
        receive_asleep(&mut other, 1);
    };
    let writer = move || {
        publish(&mut tx);
    };
    both(writer, readers);
    nobody_sleeps(&ring);
}

/// No producer sleeps through what a consumer releases. (`P1`/`G1`)
pub fn space() {
    room(WakeMode::Asymmetric, 1, |mut rx| {
        assert!(receive(&mut rx), "it was published before");
        Some(rx)
    });
}

/// The same where releasing executes a fence.
pub fn space_fenced() {
    room(WakeMode::Fenced, 1, |mut rx| {
        assert!(receive(&mut rx), "it was published before");
        Some(rx)
    });
}

/// Nor if it is released by the asymmetric mode, when a fenced one begins.
pub fn space_in_other_mode() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    assert!(publish(&mut tx) && publish(&mut tx));
    let reader = move || {
        assert!(receive(&mut rx), "it was published before");
        rx
    };
    let writer = move || {
        assert_eq!(tx.set_wake_mode(WakeMode::Fenced), Ok(WakeMode::Fenced));
        publish_asleep(&mut tx, 1);
    };
    let (_rx, ()) = both(reader, writer);
    nobody_sleeps(&ring);
}

/// Nor when it happens again.
pub fn space_again() {
    room(WakeMode::Asymmetric, 2, |mut rx| {
        assert!(receive(&mut rx) && receive(&mut rx), "both were published before");
        Some(rx)
    });
}

/// Nor when the consumer leaves instead.
pub fn space_left() {
    room(WakeMode::Asymmetric, 1, |rx| {
        drop(rx);
        None
    });
}

/// Fills a ring, and publishes `count` messages more while its consumer does something.
fn room(mode: WakeMode, count: u64, act: fn(Consumer) -> Option<Consumer>) {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let (mut tx, rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    assert_eq!(tx.set_wake_mode(mode), Ok(mode));
    assert!(publish(&mut tx) && publish(&mut tx));
    let (_rx, ()) = both(move || act(rx), move || publish_asleep(&mut tx, count));
    nobody_sleeps(&ring);
}

/// A stray store to a cursor doesn't stop both sides: the consumer that waits for the producer puts it right, and
/// wakes the producer that waits for the cursor.
pub fn stray_cursor() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    assert!(publish(&mut tx) && publish(&mut tx));
    // It has been woken for this very room before.
    publish_asleep(&mut tx, 1);
    assert!(ring.producer_asleep() && receive(&mut rx) && receive(&mut rx) && !ring.producer_asleep());
    ring.stray_cursor(0, 0);
    let writer = move || {
        publish_asleep(&mut tx, 1);
        tx
    };
    let (tx, _rx) = both(writer, move || {
        receive_asleep(&mut rx, 1);
        rx
    });
    assert!(!ring.producer_asleep(), "the producer sleeps, and the consumer waits for it");
    if tx.next_seq() == 3 {
        nobody_sleeps(&ring);
    }
}
