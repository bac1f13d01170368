//! Rings of 8 and 16 slots: whatever the protocol counts in quarters and eighths of a ring is more than one message.

use std::time::Duration;

use ringway_core::placement::ModelRing;
use ringway_core::{Consumer, Outcome, Resume, Start, Wait};

use super::observe::observe_while;
use super::parking::{nobody_sleeps, publish_asleep};
use super::{both, consumer, drain, look, message, observer_with, producer, publish, publish_two, receive};

/// A consumer joins a ring that has been lapped to the edge: half a lap of history is there. (`J1`/`G1`)
pub fn join_eighths() {
    let ring = ModelRing::new(8, 1, 1);
    let mut tx = producer(&ring);
    for _ in 0..8 {
        assert!(publish(&mut tx));
    }
    let writer = move || {
        // Up to the limit of the last scan, and one more, for which the producer scans.
        for _ in 0..5 {
            publish(&mut tx);
        }
        tx
    };
    let reader = move || {
        let mut rx = consumer(&ring, 0, Start::Oldest);
        receive(&mut rx);
        rx
    };
    let (tx, mut rx) = both(writer, reader);
    drain(&mut rx);
    assert_eq!(rx.next_seq(), tx.next_seq());
}

/// An observer that is lapped again and again keeps its distance from the edge, and its accounts.
pub fn observe_eighths() {
    let ring = ModelRing::new(8, 1, 1);
    let mut tx = producer(&ring);
    let mut watcher = observer_with(&ring, Start::Oldest, Resume::OldestSafe);
    for _ in 0..9 {
        assert!(publish(&mut tx));
    }
    assert!(matches!(look(&mut watcher), Outcome::Lagged(1 | 2)));
    let writer = move || {
        publish_two(&mut tx);
    };
    observe_while(writer, watcher);
}

/// A consumer that releases one by one wakes the producer at a quarter of the ring, not before it.
pub fn space_quarter() {
    room(|rx| {
        assert!(receive(rx) && receive(rx), "both were published before");
    });
}

/// A consumer that releases more than a quarter at once wakes it, too.
pub fn space_batch() {
    room(|rx| match rx.try_recv_batch(3).unwrap() {
        Outcome::Message(batch) => assert_eq!(batch.len(), 3, "all were published before"),
        other => panic!("receive: {:?}", other.map(drop)),
    });
}

/// Fills a ring, and publishes one message more while its consumer frees a quarter of it.
fn room(act: fn(&mut Consumer)) {
    let ring = ModelRing::new(8, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    for _ in 0..8 {
        assert!(publish(&mut tx));
    }
    let reader = move || {
        act(&mut rx);
        rx
    };
    let (_rx, ()) = both(reader, move || publish_asleep(&mut tx, 1));
    nobody_sleeps(&ring);
}

/// A batch behind one that was full: what it says to be there is, whether or not the reader saw the producer two
/// batches ahead. (`W2`/`R1`: a reader that sees a stamp sees those before it)
pub fn batch_ahead() {
    let ring = ModelRing::new(16, 1, 1);
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    publish_two(&mut tx);
    assert_eq!(read_batch(&mut rx), 2, "both were published before");
    let writer = move || {
        publish_two(&mut tx);
        publish_two(&mut tx);
        tx
    };
    let reader = move || {
        read_batch(&mut rx);
        rx
    };
    let (tx, mut rx) = both(writer, reader);
    drain(&mut rx);
    assert_eq!(rx.next_seq(), tx.next_seq());
}

/// Takes a batch of up to two messages, and reads as many as it says there are. How many.
fn read_batch(rx: &mut Consumer) -> usize {
    rx.set_wait(Wait::Spin);
    let (ring, seq) = (rx.geometry().clone(), rx.next_seq());
    // The shortest wait: without one no reader falls back.
    match rx.recv_batch_timeout(2, Duration::from_nanos(1)).expect("a sound ring") {
        Outcome::Message(batch) => {
            let promised = batch.len();
            let mut next = seq;
            for received in &batch {
                assert_eq!((received.seq(), &*received), (next, &*message(&ring, next)));
                next += 1;
            }
            assert_eq!(next - seq, promised as u64, "the batch promised more than is there");
            promised
        }
        Outcome::TimedOut => 0,
        other => panic!("receive: {:?}", other.map(drop)),
    }
}
