//! A ring's creation, and one producer after another.

use super::{Kernel, both, consumer, consumer_with, observer, producer, producer_with, publish};
use std::time::Duration;

use ringway_core::placement::{ModelHeader, ModelRing};
use ringway_core::{Config, Consumer, Geometry, GeometryError, Observer, Outcome, Placement, Start, Wait};

fn geometry() -> Geometry {
    Config::new().geometry(4096, Placement::Embedded, [3; 16], [4; 16]).unwrap()
}

/// A reader that sees the magic number sees a whole header. (`F1`/`F2`)
pub fn format() {
    let header = ModelHeader::default();
    let (creating, reading) = (header.clone(), header.clone());
    let creator = move || ringway_core::placement::format(&creating.writable(), &geometry());
    let reader = move || match ringway_core::placement::snapshot(&reading.readable()).decode(4096) {
        Ok(found) => assert_eq!(found, geometry()),
        Err(error) => assert_eq!(error, GeometryError::NotARing { found: 0 }),
    };
    both(creator, reader);
    assert_eq!(ringway_core::placement::snapshot(&header.readable()).decode(4096), Ok(geometry()));
}

/// A reader that sees a new epoch sees its first sequence. (`E1`/`E2`)
pub fn epoch() {
    let ring = ModelRing::new(2, 1, 1);
    let mut tx = producer(&ring);
    let mut watcher = observer(&ring, Start::Latest);
    publish(&mut tx);
    drop(tx);
    let successor = move || {
        let mut tx = producer(&ring);
        publish(&mut tx);
    };
    let reader = move || {
        let changes = step(&mut watcher) + step(&mut watcher);
        (watcher, changes)
    };
    let ((), (mut watcher, mut changes)) = both(successor, reader);
    for _ in 0..4 {
        changes += step(&mut watcher);
    }
    assert_eq!((changes, watcher.received(), watcher.lost()), (1, 2, 0));
}

/// Looks once; counts changes of the epoch.
fn step(watcher: &mut Observer) -> u32 {
    match watcher.try_recv().unwrap() {
        Outcome::EpochChanged { epoch, first_seq } => {
            assert_eq!((epoch, first_seq), (2, 1));
            1
        }
        Outcome::Message(_) | Outcome::Empty => 0,
        other => panic!("{other:?}"),
    }
}

/// A new epoch is told of after the last message of the old one.
pub fn succession() {
    succeeds(&ModelRing::new(2, 1, 1));
}

/// The same of a call that looks just once before it asks for the epoch.
pub fn succession_into() {
    let receive = |rx: &mut Consumer| rx.try_recv_into(&mut [0; 64]).unwrap().map(drop);
    succeeds_for(&ModelRing::new(2, 1, 1), receive);
}

pub(super) fn succeeds(ring: &ModelRing) {
    succeeds_for(ring, |rx| rx.try_recv().unwrap().map(drop));
}

fn succeeds_for(ring: &ModelRing, receive: fn(&mut Consumer) -> Outcome<()>) {
    let ring = ring.clone();
    let mut first = producer(&ring);
    let mut rx = consumer(&ring, 0, Start::Oldest);
    let writers = move || {
        publish(&mut first);
        drop(first);
        drop(producer(&ring));
    };
    let reader = move || {
        let mut received = 0;
        for _ in 0..2 {
            match receive(&mut rx) {
                Outcome::Message(()) => received += 1,
                Outcome::EpochChanged { epoch: 2, first_seq: 1 } => assert_eq!(received, 1, "told too early"),
                Outcome::Empty => {}
                other => panic!("{other:?}"),
            }
        }
    };
    both(writers, reader);
}

/// A closed ring that is opened again isn't closed any more once the new epoch is known.
pub fn reopened() {
    let ring = ModelRing::new(2, 1, 1);
    producer(&ring).close().unwrap();
    let mut rx = consumer(&ring, 0, Start::Oldest);
    let successor = move || {
        drop(producer(&ring));
    };
    let reader = move || {
        let mut changed = false;
        for _ in 0..2 {
            match rx.try_recv().unwrap() {
                Outcome::EpochChanged { epoch: 2, first_seq: 0 } => changed = true,
                Outcome::Closed => assert!(!changed, "closed by a producer that has only begun"),
                Outcome::Empty => {}
                other => panic!("{other:?}"),
            }
        }
    };
    both(successor, reader);
}

/// A producer is lost only after its last message.
pub fn lost() {
    ends(&ModelRing::new(2, 1, 1), false);
}

/// A producer that closed the ring isn't lost.
pub fn lost_or_closed() {
    ends(&ModelRing::new(2, 1, 1), true);
}

pub(super) fn ends(ring: &ModelRing, closes: bool) {
    let kernel = Kernel::with_producer();
    let mut tx = producer_with(ring, &kernel);
    let mut rx = consumer_with(ring, 0, Start::Oldest, &kernel);
    rx.set_wait(Wait::Spin);
    let writer = move || {
        publish(&mut tx);
        if closes {
            tx.close().unwrap();
        }
        kernel.end_producer();
    };
    let reader = move || {
        let mut received = 0;
        for _ in 0..2 {
            // The shortest wait: it asks the kernel at its second turn.
            match rx.recv_timeout(Duration::from_nanos(1)).unwrap() {
                Outcome::Message(_) => received += 1,
                Outcome::ProducerLost => assert!(received == 1 && !closes, "lost before its end"),
                Outcome::Closed => assert!(received == 1 && closes),
                Outcome::TimedOut => {}
                other => panic!("{other:?}"),
            }
        }
    };
    both(writer, reader);
}
