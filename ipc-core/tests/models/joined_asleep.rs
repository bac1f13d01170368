//! Consumers that join while the producer goes to sleep.

use ringway_core::placement::ModelRing;
use ringway_core::{AttachError, Start, WakeMode};

use super::parking::{nobody_sleeps, publish_asleep};
use super::{Kernel, both, consumer_with, producer_with, publish, try_join};

/// No producer sleeps on a joiner's provisional cursor: the joiner's final one wakes it. (`P1`/`G1`)
pub fn space_joined() {
    joined(WakeMode::Asymmetric, Start::Latest, false);
}

/// The same where releasing executes a fence.
pub fn space_joined_fenced() {
    joined(WakeMode::Fenced, Start::Latest, false);
}

/// The same where the joiner starts half a lap back.
pub fn space_joined_oldest() {
    joined(WakeMode::Asymmetric, Start::Oldest, false);
}

/// Nor on a dead consumer's cell that a joiner has taken.
pub fn space_rejoined() {
    joined(WakeMode::Asymmetric, Start::Latest, true);
}

/// Nor if that joiner starts half a lap back, and releasing executes a fence.
pub fn space_rejoined_oldest() {
    joined(WakeMode::Fenced, Start::Oldest, true);
}

/// A consumer joins, in a cell whose last consumer died if `dead`, while the producer fills the ring.
fn joined(mode: WakeMode, start: Start, dead: bool) {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let kernel = if dead { Kernel::with_lock() } else { Kernel::default() };
    let mut tx = producer_with(&ring, &kernel);
    assert_eq!(tx.set_wake_mode(mode), Ok(mode));
    if dead {
        std::mem::forget(consumer_with(&ring, 0, Start::Oldest, &kernel));
    }
    let ring_of_reader = ring.clone();
    let reader = move || {
        assert!(!dead || kernel.take());
        consumer_with(&ring_of_reader, 0, start, &kernel)
    };
    let writer = move || {
        publish_asleep(&mut tx, 3);
        tx
    };
    let (rx, tx) = both(reader, writer);
    let (first, next) = (rx.next_seq(), tx.next_seq());
    // A quarter of two slots is one message.
    assert!(
        ring.asleep() == 0 || first + 2 <= next,
        "the producer sleeps at {next} though the joiner is at {first}"
    );
}

/// A joiner that is refused frees the dead consumer's cell, on which the producer may sleep.
pub fn space_refused() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let kernel = Kernel::with_lock();
    let mut tx = producer_with(&ring, &kernel);
    std::mem::forget(consumer_with(&ring, 0, Start::Oldest, &kernel));
    assert!(publish(&mut tx) && publish(&mut tx));
    let ring_of_reader = ring.clone();
    let reader = move || {
        assert!(kernel.take());
        let refused = try_join(&ring_of_reader, 0, Start::At(0), &kernel);
        assert!(matches!(refused, Err(AttachError::Overwritten { asked: 0, oldest: 1.. })));
    };
    both(reader, move || publish_asleep(&mut tx, 1));
    nobody_sleeps(&ring);
}
