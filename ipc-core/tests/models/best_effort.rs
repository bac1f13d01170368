//! Best-effort readers: they keep up, are passed over, and join anew beside a producer at full speed.

use ringway_core::placement::ModelRing;
use ringway_core::{BestEffortReader, Outcome, Patience, Producer, Start};

use super::parking::{nobody_sleeps, publish_asleep};
use super::passing_over::{best_effort, look};
use super::{Kernel, both, consumer_with, drain, mortal, producer, producer_with, publish};

/// Looks for one message, of a reader that holds the producer back. Whether there was one.
fn look_unlapped(reader: &mut BestEffortReader) -> bool {
    match look(reader) {
        Outcome::Message(()) => true,
        Outcome::Empty => false,
        other => panic!("{other:?} at {}, of a reader that keeps up", reader.next_seq()),
    }
}

/// Reads to the end, at a quiet point, without being lapped.
fn drain_unlapped(reader: &mut BestEffortReader) {
    while look_unlapped(reader) {}
    assert_eq!(Ok(reader.next_seq()), reader.head());
}

/// Messages come whole to a reader that keeps up, and each is released once it was looked at again. (`C1`/`G2`)
pub fn best_effort_keeps_up() {
    let ring = ModelRing::new(2, 2, 1);
    let (mut tx, mut rx) = (producer(&ring), best_effort(&ring, 0, &Kernel::default()));
    assert!(publish(&mut tx) && publish(&mut tx));
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
        tx
    };
    let reader = move || {
        assert!(look_unlapped(&mut rx) && look_unlapped(&mut rx), "both were published before");
        rx
    };
    let (mut tx, mut rx) = both(writer, reader);
    drain_unlapped(&mut rx);
    assert!(publish(&mut tx), "a lap is free");
}

/// A ring whose reader has been passed over, and lapped: head is 3, the next message to read 0.
fn lapped(ring: &ModelRing, kernel: &Kernel, patience: Patience) -> (Producer, BestEffortReader) {
    let mut tx = producer_with(ring, kernel);
    let rx = best_effort(ring, 0, kernel);
    tx.set_patience(Patience::Lap);
    assert!((0..3).all(|_| publish(&mut tx)));
    tx.set_patience(patience);
    (tx, rx)
}

fn publish_three(mut tx: Producer) -> impl FnOnce() -> Producer {
    move || {
        for _ in 0..3 {
            publish(&mut tx);
        }
        tx.store_deferred_head();
        tx
    }
}

/// A reader that has joined anew holds the producer back from where it goes on. (`J1`/`G1`)
pub fn best_effort_rejoins() {
    let ring = ModelRing::new(2, 1, 1);
    let (tx, mut rx) = lapped(&ring, &Kernel::default(), Patience::Endless);
    let reader = move || {
        assert!(look(&mut rx).is_lagged());
        look_unlapped(&mut rx);
        rx
    };
    let (tx, mut rx) = both(publish_three(tx), reader);
    drain_unlapped(&mut rx);
    assert_eq!(rx.next_seq(), tx.next_seq());
}

/// A reader dies as it notices that it was lapped, or joining anew; a consumer takes its cell and loses nothing.
pub fn death_in_rejoining() {
    let ring = ModelRing::new(2, 1, 1);
    let kernel = Kernel::with_lock();
    assert!(kernel.take());
    let (mut tx, mut rx) = lapped(&ring, &kernel, Patience::Endless);
    let ring_of_readers = ring.clone();
    let readers = move || {
        mortal(|| {
            let _ = rx.try_recv();
        });
        // It is gone: nothing runs its drop.
        std::mem::forget(rx);
        kernel.free();
        assert!(kernel.take());
        consumer_with(&ring_of_readers, 0, Start::Latest, &kernel)
    };
    let writer = move || {
        publish(&mut tx);
        tx
    };
    let (tx, mut rx) = both(writer, readers);
    drain(&mut rx);
    assert_eq!(rx.next_seq(), tx.next_seq());
}

/// A reader dies as it notices that it was lapped, or joining anew; the producer goes on, be its patience endless.
pub fn death_of_best_effort() {
    let ring = ModelRing::new(2, 1, 1);
    let kernel = Kernel::with_lock();
    assert!(kernel.take());
    let (mut tx, mut rx) = lapped(&ring, &kernel, Patience::Endless);
    let reader = move || {
        mortal(|| {
            let _ = rx.try_recv();
        });
        std::mem::forget(rx);
        kernel.free();
    };
    let writer = move || {
        publish(&mut tx);
        tx
    };
    let (mut tx, ()) = both(writer, reader);
    for _ in 0..3 {
        // Once the producer may have gone by the cell that filled the ring, instead of asking the kernel.
        assert!(publish(&mut tx) || publish(&mut tx), "a dead reader holds the producer back");
    }
}

/// No producer sleeps on the provisional cursor of a reader that joins anew. (`P1`/`G1`)
pub fn space_best_effort() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let (mut tx, mut rx) = lapped(&ring, &Kernel::default(), Patience::Endless);
    let reader = move || {
        assert!(look(&mut rx).is_lagged());
        rx
    };
    let writer = move || {
        publish_asleep(&mut tx, 2);
        tx
    };
    let (rx, tx) = both(reader, writer);
    let (next, end) = (rx.next_seq(), tx.next_seq());
    assert!(
        ring.asleep() == 0 || next + 2 <= end,
        "the producer sleeps at {end} though the reader is at {next}"
    );
}

/// No best-effort reader sleeps through a message. (`S1`/`S2`)
pub fn wake_best_effort() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), best_effort(&ring, 0, &Kernel::default()));
    let writer = move || {
        publish(&mut tx);
    };
    let reader = move || {
        assert!(matches!(rx.recv().expect("a sound ring"), Outcome::Message(_) | Outcome::TimedOut));
    };
    both(writer, reader);
    nobody_sleeps(&ring);
}
