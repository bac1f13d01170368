//! Rings whose messages have one length: no word tells it, and the calls go the long ways.

use ringway_core::placement::ModelRing;
use ringway_core::{Outcome, Start, Stride};

use super::consume::{abandons, batches, closes, consumes, gates};
use super::deaths::{publish, publish_two as publish_two_signed, succeed, to_consumer_on, to_observer};
use super::join::join_on;
use super::observe::observes;
use super::producers::{ends, succeeds};
use super::{
    Kernel, both, consumer, consumer_with, mortal, producer, producer_with, publish_two, publish_two_claimed,
    receive,
};

fn split(slots: u64, words: usize) -> ModelRing {
    ModelRing::with_stride(slots, words, 1, Stride::Split)
}

fn line(slots: u64, words: usize) -> ModelRing {
    ModelRing::with_stride(slots, words, 1, Stride::Line)
}

/// As `consume`, one line a message.
pub fn consume_line() {
    consumes(&line(2, 2));
}

/// As `gate`, one line a message.
pub fn gate_line() {
    gates(&line(2, 1), receive);
}

/// As `batch_claimed`, one line a message.
pub fn claim_line() {
    let ring = line(4, 1);
    batches(producer(&ring), consumer(&ring, 0, Start::Oldest), publish_two_claimed);
}

/// As `observe`, one line a message.
pub fn observe_line() {
    observes(&line(2, 2));
}

/// As `death_in_publish`, one line a message.
pub fn death_in_line_publish() {
    to_consumer_on(&line(2, 2), |tx| {
        publish(tx);
    });
}

/// As `consume`, by head. (`W3`/`H1`)
pub fn consume_split() {
    consumes(&split(2, 2));
}

/// As `gate`, by head.
pub fn gate_split() {
    gates(&split(2, 1), receive);
}

/// As `batch`, by head.
pub fn batch_split() {
    let ring = split(4, 2);
    batches(producer(&ring), consumer(&ring, 0, Start::Oldest), publish_two);
}

/// As `batch_copied`, by head.
pub fn batch_copied_split() {
    let ring = split(4, 1).untrusted();
    batches(producer(&ring), consumer(&ring, 0, Start::Oldest), publish_two);
}

/// As `abandoned`, by head.
pub fn abandoned_split() {
    let ring = split(2, 2);
    abandons(producer(&ring), consumer(&ring, 0, Start::Oldest));
}

/// As `batch_claimed`, by head.
pub fn claim_split() {
    let ring = split(4, 1);
    batches(producer(&ring), consumer(&ring, 0, Start::Oldest), publish_two_claimed);
}

/// As `observe`, with the stamps apart.
pub fn observe_split() {
    observes(&split(2, 2));
}

/// As `join_oldest`, by head.
pub fn join_split() {
    join_on(&split(2, 1), Start::Oldest);
}

/// As `close`, by head.
pub fn close_split() {
    closes(&split(2, 2));
}

/// As `succession`, by head.
pub fn succession_split() {
    succeeds(&split(2, 1));
}

/// As `lost`, by head.
pub fn lost_split() {
    ends(&split(2, 1), false);
}

/// As `death_in_publish`, by head: what the dead producer published and head doesn't count comes once its successor has
/// stored head.
pub fn death_in_split_publish() {
    to_consumer_on(&split(2, 2), |tx| {
        publish(tx);
    });
}

/// The same, seen by an observer.
pub fn death_in_split_observed() {
    to_observer(&split(2, 2), |tx| {
        publish(tx);
    });
}

/// The same in a batch.
pub fn death_in_split_batch() {
    to_consumer_on(&split(4, 2), publish_two_signed);
}

/// A consumer that goes by head is told of a new epoch after the old one's last message, even if that wasn't counted.
pub fn death_in_split_told() {
    let ring = split(2, 1);
    let kernel = Kernel::with_producer();
    let mut tx = producer_with(&ring, &kernel);
    let mut rx = consumer_with(&ring, 0, Start::Oldest, &kernel);
    let writers = move || {
        mortal(|| publish(&mut tx));
        succeed(&ring, &kernel)
    };
    let reader = move || {
        for _ in 0..2 {
            if let Outcome::EpochChanged { epoch, first_seq } = rx.try_recv().expect("a sound ring").map(drop)
            {
                assert_eq!(epoch, 2);
                assert!(rx.next_seq() >= first_seq, "told before message {}", rx.next_seq());
            }
        }
    };
    let (_tx, ()) = both(writers, reader);
}
