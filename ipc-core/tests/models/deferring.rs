//! Wake-ups that are put off, and those that another thread makes.

use ringway_core::placement::{AsWaker, ModelRing};
use ringway_core::{ReaderWaker, Start, WakeMode};

use super::parking::{nobody_sleeps, publish_asleep, receive_asleep};
use super::{Kernel, both, consumer, consumer_with, mortal, producer, producer_with, publish};

fn waker(ring: &ModelRing) -> ReaderWaker {
    ReaderWaker::new(ring.region::<AsWaker>(Box::new(Kernel::default())))
}

/// No consumer sleeps through the wake-up that follows the messages. (`S1`/`S2`)
pub fn wake_deferred() {
    wakes_after(WakeMode::Asymmetric);
}

/// The same where it takes a fence.
pub fn wake_deferred_fenced() {
    wakes_after(WakeMode::Fenced);
}

fn wakes_after(mode: WakeMode) {
    let ring = ModelRing::new(4, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    assert_eq!(tx.set_wake_mode(mode), Ok(mode));
    tx.set_deferred_wake(true);
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
        tx.wake().expect("this model's own ring");
    };
    both(writer, move || receive_asleep(&mut rx, 2));
    nobody_sleeps(&ring);
}

/// A producer dies in the wake-up that it had put off, be it between the flag and the bell: its successor wakes the
/// reader.
pub fn death_in_deferred_wake() {
    let ring = ModelRing::new(4, 1, 1).with_sleepers();
    let kernel = Kernel::with_producer();
    let mut tx = producer_with(&ring, &kernel);
    let mut rx = consumer_with(&ring, 0, Start::Oldest, &kernel);
    tx.set_deferred_wake(true);
    let ring_of_writers = ring.clone();
    let writers = move || {
        mortal(|| tx.wake());
        kernel.end_producer();
        kernel.take_producer();
        drop(producer_with(&ring_of_writers, &kernel));
    };
    both(writers, move || {
        // The new epoch, or whatever else it gets.
        let _ = rx.recv().map(drop);
    });
    nobody_sleeps(&ring);
}

/// No consumer sleeps while the producer that left it asleep waits for room.
pub fn space_deferred() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    tx.set_deferred_wake(true);
    let writer = move || publish_asleep(&mut tx, 3);
    let reader = move || {
        receive_asleep(&mut rx, 1);
        rx
    };
    let ((), _rx) = both(writer, reader);
    assert_eq!(ring.readers_asleep(), 0, "each side waits for the other");
}

/// No consumer sleeps through the wake-up that another thread makes once it knows of the message. (`S1`/`S2`, `B1`/`B2`)
pub fn wake_elsewhere() {
    let ring = ModelRing::new(4, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    tx.set_deferred_wake(true);
    let waker = waker(&ring);
    let writer = move || {
        publish(&mut tx);
        loom::thread::spawn(move || waker.wake()).join().expect("no panic");
    };
    both(writer, move || receive_asleep(&mut rx, 1));
    nobody_sleeps(&ring);
}

/// What the other thread does beside a producer that rings takes no wake-up away.
pub fn wake_elsewhere_beside() {
    wakes_beside(WakeMode::Asymmetric);
}

/// The same in a fenced epoch, whose mode the other thread doesn't know.
pub fn wake_elsewhere_fenced() {
    wakes_beside(WakeMode::Fenced);
}

fn wakes_beside(mode: WakeMode) {
    let ring = ModelRing::new(4, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    assert_eq!(tx.set_wake_mode(mode), Ok(mode));
    let waker = waker(&ring);
    let elsewhere = loom::thread::spawn(move || waker.wake());
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
    };
    both(writer, move || receive_asleep(&mut rx, 2));
    elsewhere.join().expect("no panic");
    nobody_sleeps(&ring);
}
