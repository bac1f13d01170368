//! Roles that don't trust the ring's peers: consumers that copy, claims and batches that are staged.

use ringway_core::placement::ModelRing;
use ringway_core::{Consumer, Outcome, Start};

use super::consume::{abandons, batches, gates, peeks};
use super::{consumer, message, producer, publish_two, publish_two_claimed, publish_two_in_place, receive};

/// No slot is overwritten while a consumer copies it. (`C1`/`G2`)
pub fn gate_copied() {
    gates(&ModelRing::new(2, 1, 1).untrusted(), receive);
}

/// The same of a message that isn't short. In a model, a short one has one word.
pub fn gate_copied_long() {
    gates(&ModelRing::new(2, 2, 1).untrusted(), receive);
}

/// The same into the caller's buffer, from which nothing is released later.
pub fn gate_copied_into() {
    gates(&ModelRing::new(2, 1, 1).untrusted(), receive_into);
}

/// No slot is overwritten while it is peeked at for the first time. (`C1`/`G2`)
pub fn peeked_copied() {
    peeks(&ModelRing::new(2, 1, 1).untrusted());
}

/// A batch that is copied holds whole messages, in order, and is released after the last copy.
pub fn batch_copied() {
    let ring = ModelRing::new(4, 2, 1);
    let rx = consumer(&ring.clone().untrusted(), 0, Start::Oldest);
    batches(producer(&ring), rx, publish_two);
}

/// A message that is claimed beside the ring is in its slot before it is published. (`W2`/`R1`)
pub fn claim_staged() {
    let ring = ModelRing::new(2, 2, 1);
    let rx = consumer(&ring, 0, Start::Oldest);
    abandons(producer(&ring.untrusted()), rx);
}

/// The same of a batch.
pub fn batch_staged() {
    let ring = ModelRing::new(4, 1, 1);
    let rx = consumer(&ring, 0, Start::Oldest);
    batches(producer(&ring.untrusted()), rx, publish_two_in_place);
}

/// The same of a batch that is claimed.
pub fn batch_claimed_staged() {
    let ring = ModelRing::new(4, 1, 1);
    let rx = consumer(&ring, 0, Start::Oldest);
    batches(producer(&ring.untrusted()), rx, publish_two_claimed);
}

/// Copies one message into a buffer if it is there, and checks it. Whether it was.
fn receive_into(consumer: &mut Consumer) -> bool {
    let expected = message(consumer.geometry(), consumer.next_seq());
    let seq = consumer.next_seq();
    let mut buffer = [0; 16];
    match consumer.try_recv_into(&mut buffer).expect("a sound ring") {
        Outcome::Message(copied) => {
            assert_eq!((copied.seq, &buffer[..copied.len]), (seq, &*expected));
            true
        }
        Outcome::Empty => false,
        other => panic!("receive: {other:?}"),
    }
}
