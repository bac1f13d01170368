//! A best-effort reader that is passed over, while it reads, catches up or joins again.
//!
//! A model knows no time: the producer's patience is over at once, or never.

use std::mem::ManuallyDrop;

use ringway_core::placement::{AsConsumer, ModelRing};
use ringway_core::{BestEffortReader, Outcome, Patience, Producer, Start};

use super::notes::{Notes, accepted, agree, note};
use super::{
    Kernel, both, consumer, deaths, drain, message, mortal, producer, producer_with, publish, receive,
};

pub(super) fn best_effort(ring: &ModelRing, cell: usize, kernel: &Kernel) -> BestEffortReader {
    let region = ring.region::<AsConsumer>(Box::new(kernel.clone()));
    // SAFETY: a model joins each cell once.
    unsafe { BestEffortReader::join(region, cell, Start::Oldest) }.expect("joins")
}

/// Looks for one message, and checks it and the accounts. What there was.
pub(super) fn look(reader: &mut BestEffortReader) -> Outcome<()> {
    let before = (reader.next_seq(), reader.lost());
    let expected = message(reader.geometry(), before.0);
    let outcome = match reader.try_recv().expect("a sound ring") {
        Outcome::Message(received) => {
            assert_eq!((received.seq(), &*received), (before.0, &*expected));
            Outcome::Message(())
        }
        other => other.map(|_| ()),
    };
    if let Outcome::Lagged(n) = outcome {
        assert!(n > 0);
        assert_eq!((reader.next_seq(), reader.lost()), (before.0 + n, before.1 + n));
    }
    outcome
}

/// Reads until nothing comes, at a quiet point: every message must be accounted for.
fn settle(reader: &mut BestEffortReader) {
    let head = reader.head().expect("a sound head");
    for _ in 0..16 {
        if let Outcome::Empty = look(reader) {
            assert_eq!((reader.next_seq(), reader.received() + reader.lost()), (head, head - reader.start()));
            return;
        }
    }
    panic!("the reader doesn't come to an end at head {head}: {reader:?}");
}

/// A producer without patience that has filled the ring behind the reader in cell 0.
fn full_behind(ring: &ModelRing, slots: u64) -> (Producer, BestEffortReader) {
    let mut tx = producer(ring);
    let reader = best_effort(ring, 0, &Kernel::default());
    for _ in 0..slots {
        assert!(publish(&mut tx));
    }
    tx.set_patience(Patience::Lap);
    (tx, reader)
}

/// How many messages the producer may write before it waits, once its patience is endless.
fn room_behind(tx: &mut Producer) -> u64 {
    tx.set_patience(Patience::Endless);
    (0..8).take_while(|_| publish(tx)).count() as u64
}

/// What is overwritten while the reader copies it is refused, and counted. (`W1`/`R2`)
pub fn passed_over_copying() {
    let ring = ModelRing::new(2, 2, 1);
    let (mut tx, mut reader) = full_behind(&ring, 2);
    let writer = move || assert!(publish(&mut tx), "nobody holds it back");
    let reading = move || {
        let _ = look(&mut reader);
        let _ = look(&mut reader);
        reader
    };
    let (_, mut reader) = both(writer, reading);
    settle(&mut reader);
}

/// A reader that is passed over, and reads on before it is lapped, counts again once it is within half a lap of head; if
/// it is lapped it counts once it has joined again.
pub fn passed_over_and_back() {
    let ring = ModelRing::new(4, 1, 1);
    let (mut tx, mut reader) = full_behind(&ring, 4);
    let writer = move || {
        assert!(publish(&mut tx), "nobody holds it back");
        tx
    };
    let reading = move || {
        for _ in 0..3 {
            let _ = look(&mut reader);
        }
        reader
    };
    let (mut tx, mut reader) = both(writer, reading);
    settle(&mut reader);
    assert_eq!(room_behind(&mut tx), 4, "a reader that has read everything counts");
    settle(&mut reader);
    assert!(reader.times_lagged() <= 1);
}

/// Passing over takes nothing from a consumer, which holds the producer back as ever.
pub fn passed_over_beside_consumer() {
    let ring = ModelRing::new(2, 1, 2);
    let mut rx = consumer(&ring, 1, Start::Oldest);
    let (mut tx, mut reader) = full_behind(&ring, 2);
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
    };
    let reading = move || {
        receive(&mut rx);
        rx
    };
    let (_, mut rx) = both(writer, reading);
    drain(&mut rx);
    settle(&mut reader);
}

/// A successor passes the reader over as it joins again in its cell: that is another reader, which holds the producer
/// back from there on.
pub fn passed_over_rejoining() {
    let ring = ModelRing::new(4, 1, 1);
    // As the predecessor's notes had it, the reader was dead.
    let mut tx = producer_with(&ring, &Kernel::with_lock());
    // Where its word was written over, to leave would be the second panic.
    let mut reader = ManuallyDrop::new(best_effort(&ring, 0, &Kernel::default()));
    for _ in 0..5 {
        assert!(publish(&mut tx));
    }
    drop(tx);
    let mut tx = producer(&ring);
    tx.set_patience(Patience::Lap);
    let writer = move || {
        assert!(publish(&mut tx), "nobody holds it back");
        tx.set_patience(Patience::Endless);
        for _ in 0..3 {
            publish(&mut tx);
        }
        tx
    };
    let reading = move || {
        assert!(matches!(look(&mut reader), Outcome::Lagged(_)));
        reader
    };
    let (mut tx, mut reader) = both(writer, reading);
    settle(&mut reader);
    assert_eq!(room_behind(&mut tx), 4, "a reader that has joined again counts");
    settle(&mut reader);
}

/// A producer dies as it passes a reader over. Its successor counts that reader, and passes it over anew.
pub fn death_in_passing_over() {
    let ring = ModelRing::new(2, 2, 1);
    let kernel = Kernel::with_producer();
    let mut tx = producer_with(&ring, &kernel);
    let mut reader = best_effort(&ring, 0, &kernel);
    for _ in 0..2 {
        assert!(deaths::publish(&mut tx));
    }
    tx.set_patience(Patience::Lap);
    let writer = move || mortal(|| deaths::publish(&mut tx));
    let reading = move || {
        let mut notes = Notes::new();
        attempt(&mut reader, &mut notes);
        (reader, notes)
    };
    let (_, (mut reader, mut notes)) = both(writer, reading);
    kernel.end_producer();
    kernel.take_producer();
    let mut tx = producer_with(&ring, &kernel);
    assert_eq!(tx.consumer_count(), Ok(1), "a successor knows nothing of readers that were passed over");
    tx.set_patience(Patience::Lap);
    for _ in 0..3 {
        assert!(deaths::publish(&mut tx), "nobody holds it back");
    }
    for _ in 0..8 {
        attempt(&mut reader, &mut notes);
    }
    assert_eq!(reader.next_seq(), tx.next_seq());
    assert_eq!(reader.received() + reader.lost(), tx.next_seq() - reader.start());
    assert_eq!(reader.received(), accepted(&notes));
    agree(&ring, &tx, &notes);
}

fn attempt(reader: &mut BestEffortReader, notes: &mut Notes) {
    let ring = reader.geometry().clone();
    if let Outcome::Message(received) = reader.try_recv().expect("a sound ring") {
        note(notes, &ring, received.seq(), &received);
    }
}
