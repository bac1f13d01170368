//! Consumers that join while the producer publishes.

use ringway_core::placement::ModelRing;
use ringway_core::{AttachError, Producer, Start};

use super::{
    Kernel, both, consumer, consumer_with, drain, producer, producer_with, publish, receive, try_join,
};

/// A consumer that joins at the next message loses none from there on. (`J1`/`G1`)
pub fn join_latest() {
    join(Start::Latest);
}

/// A consumer that joins at the oldest message gets half a lap of history, and loses none. (`J1`/`G1`)
pub fn join_oldest() {
    join(Start::Oldest);
}

/// A ring that has been lapped to the edge.
fn full_lap(ring: &ModelRing, kernel: &Kernel) -> Producer {
    let mut tx = producer_with(ring, kernel);
    assert!(publish(&mut tx) && publish(&mut tx));
    tx
}

fn three(mut tx: Producer) -> impl FnOnce() -> Producer {
    move || {
        for _ in 0..3 {
            publish(&mut tx);
        }
        tx.store_deferred_head();
        tx
    }
}

fn join(start: Start) {
    join_on(&ModelRing::new(2, 1, 1), start);
}

pub(super) fn join_on(ring: &ModelRing, start: Start) {
    let ring = ring.clone();
    let tx = full_lap(&ring, &Kernel::default());
    let reader = move || {
        let mut rx = consumer(&ring, 0, start);
        receive(&mut rx);
        rx
    };
    let (tx, mut rx) = both(three(tx), reader);
    drain(&mut rx);
    assert_eq!(rx.next_seq(), tx.next_seq());
}

/// `At` gives exactly the message asked for, or names the oldest that it could give.
pub fn join_at() {
    let ring = ModelRing::new(2, 1, 1);
    let mut tx = producer(&ring);
    publish(&mut tx);
    publish(&mut tx);
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
        tx
    };
    let reader = move || match try_join(&ring, 0, Start::At(2), &Kernel::default()) {
        Ok(mut rx) => {
            assert_eq!(rx.next_seq(), 2);
            receive(&mut rx);
            Some(rx)
        }
        Err(AttachError::Overwritten { asked: 2, oldest }) => {
            assert!(oldest > 2);
            None
        }
        Err(error) => panic!("join: {error}"),
    };
    let (mut tx, rx) = both(writer, reader);
    match rx {
        Some(mut rx) => drain(&mut rx),
        None => assert!((0..4).all(|_| publish(&mut tx)), "a refused joiner holds nobody back"),
    }
}

/// A consumer leaves, and another takes its cell before the producer looks: what the first one read is read.
/// (`J2`/`G2`)
pub fn leave_rejoin() {
    let ring = ModelRing::new(2, 1, 1);
    let mut first = consumer(&ring, 0, Start::Oldest);
    let mut tx = full_lap(&ring, &Kernel::default());
    let writer = move || {
        publish(&mut tx);
        tx
    };
    let reader = move || {
        assert!(receive(&mut first), "it was published before");
        drop(first);
        consumer(&ring, 0, Start::Latest)
    };
    let (_tx, mut second) = both(writer, reader);
    drain(&mut second);
}

/// A consumer died, another joins in its cell: the producer ignores the one and waits for the other.
pub fn rejoin() {
    let ring = ModelRing::new(2, 1, 1);
    let kernel = Kernel::with_lock();
    let mut tx = producer_with(&ring, &kernel);
    // It died: its cell says active, its lock is free.
    std::mem::forget(consumer_with(&ring, 0, Start::Oldest, &kernel));
    assert!(publish(&mut tx) && publish(&mut tx));
    let reader = move || {
        assert!(kernel.take());
        let mut rx = consumer_with(&ring, 0, Start::Oldest, &kernel);
        receive(&mut rx);
        rx
    };
    let (_tx, mut rx) = both(three(tx), reader);
    drain(&mut rx);
}
