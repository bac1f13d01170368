//! Rings whose messages have one length: no word tells it, and the calls go the long ways.

use ipc_core::Stride;
use ipc_core::placement::ModelRing;

use super::consume::{batches, consumes, gates};
use super::deaths::{publish, to_consumer_on};
use super::observe::observes;
use super::{consumer, producer, publish_two_claimed, receive};

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
    batches(producer(&ring), consumer(&ring, 0, ipc_core::Start::Oldest), publish_two_claimed);
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
