//! Consumers that join while the producer publishes.

use ipc_core::region::{AsConsumer, ModelRing};
use ipc_core::{AttachError, Consumer, Start};
use loom::thread;

use super::{Kernel, consumer_with, drain, producer, producer_with, publish, receive};

/// A consumer that joins at the next message loses none from there on. (`J1`/`G1`)
pub fn join_latest() {
    join(Start::Latest);
}

/// A consumer that joins at the oldest message gets half a lap of history, and loses none. (`J1`/`G1`)
pub fn join_oldest() {
    join(Start::Oldest);
}

fn join(start: Start) {
    let ring = ModelRing::new(2, 1, 1);
    let mut tx = producer(&ring);
    publish(&mut tx);
    publish(&mut tx);
    let joining = ring.clone();
    let reader = thread::spawn(move || {
        let mut rx = super::consumer(&joining, 0, start);
        receive(&mut rx);
        rx
    });
    for _ in 0..3 {
        publish(&mut tx);
    }
    let mut rx = reader.join().unwrap();
    assert!(rx.next_seq() >= 1, "half a lap back from 2 at the furthest");
    drain(&mut rx);
    assert_eq!(rx.next_seq(), tx.next_seq());
}

/// `At` gives exactly the message asked for, or names the oldest that it could give.
pub fn join_at() {
    let ring = ModelRing::new(2, 1, 1);
    let mut tx = producer(&ring);
    publish(&mut tx);
    publish(&mut tx);
    let joining = ring.clone();
    let reader = thread::spawn(move || {
        let region = joining.region::<AsConsumer>(Box::new(Kernel::default()));
        match Consumer::join(region, 0, Start::At(2)) {
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
        }
    });
    for _ in 0..2 {
        publish(&mut tx);
    }
    match reader.join().unwrap() {
        Some(mut rx) => drain(&mut rx),
        // The refused joiner's cell holds nobody back.
        None => assert!((0..4).all(|_| publish(&mut tx))),
    }
}

/// A consumer died, another joins in its cell: the producer ignores the one and waits for the other.
pub fn rejoin() {
    let ring = ModelRing::new(2, 1, 1);
    let kernel = Kernel::with_lock();
    let mut tx = producer_with(&ring, &kernel);
    // It died: its cell says active, its lock is free.
    std::mem::forget(consumer_with(&ring, 0, Start::Oldest, &kernel));
    assert!(publish(&mut tx) && publish(&mut tx));
    let (joining, lock) = (ring.clone(), kernel.clone());
    let reader = thread::spawn(move || {
        assert!(lock.take());
        let mut rx = consumer_with(&joining, 0, Start::Oldest, &lock);
        receive(&mut rx);
        rx
    });
    for _ in 0..3 {
        publish(&mut tx);
    }
    let mut rx = reader.join().unwrap();
    drain(&mut rx);
}
