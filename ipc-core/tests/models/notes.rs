//! What readers accepted of producers that die.
//!
//! A message here names the incarnation that wrote it: if one sequence were ever given to two messages, the
//! readers' notes would differ.

use std::collections::HashMap;

use ringway_core::placement::ModelRing;
use ringway_core::{Consumer, Geometry, Observer, Outcome, Producer, Start};

use super::observer;

/// What a reader accepted: for each sequence, the incarnation that wrote it, or [`VOID`].
pub(super) type Notes = HashMap<u64, u64>;

/// What is noted of a sequence that was skipped: no incarnation has this number.
const VOID: u64 = 0;

/// The message of `seq` that the producer of `epoch` writes: a word that says so, and another where two fit.
pub(super) fn signed(ring: &Geometry, epoch: u64, seq: u64) -> Vec<u8> {
    let word = epoch << 32 | seq;
    let mut bytes = word.to_ne_bytes().to_vec();
    if ring.payload_capacity() > 8 {
        bytes.extend((!word).to_ne_bytes());
    }
    bytes
}

pub(super) fn note(notes: &mut Notes, ring: &Geometry, seq: u64, bytes: &[u8]) {
    let word = u64::from_ne_bytes(bytes[..8].try_into().unwrap());
    assert_eq!(bytes, signed(ring, word >> 32, seq), "message {seq} is torn");
    assert!(notes.insert(seq, word >> 32).is_none(), "message {seq} came twice");
}

pub(super) fn receive(rx: &mut Consumer, notes: &mut Notes) -> bool {
    let (ring, before) = (rx.geometry().clone(), rx.next_seq());
    match rx.try_recv().expect("a sound ring") {
        Outcome::Message(guard) => {
            note(notes, &ring, guard.seq(), &guard);
            true
        }
        Outcome::Lagged(skipped) => {
            note_void(notes, before + skipped, skipped);
            true
        }
        _ => false,
    }
}

/// Notes that the `skipped` sequences before `next` are void.
fn note_void(notes: &mut Notes, next: u64, skipped: u64) {
    for seq in next - skipped..next {
        assert!(notes.insert(seq, VOID).is_none(), "message {seq} came, and is void");
    }
}

pub(super) fn look(watcher: &mut Observer, notes: &mut Notes) {
    let ring = watcher.geometry().clone();
    if let Outcome::Message(received) = watcher.try_recv().expect("a sound ring") {
        note(notes, &ring, received.seq(), &received);
    }
}

/// The same of an observer that no message can overtake: what it lost was skipped.
pub(super) fn look_unlapped(watcher: &mut Observer, notes: &mut Notes) {
    let before = watcher.lost();
    look(watcher, notes);
    note_void(notes, watcher.next_seq(), watcher.lost() - before);
}

/// How many messages were accepted.
pub(super) fn accepted(notes: &Notes) -> u64 {
    notes.values().filter(|&&epoch| epoch != VOID).count() as u64
}

/// What the ring keeps at the end, which must be what anyone has accepted of it.
pub(super) fn agree(ring: &ModelRing, tx: &Producer, notes: &Notes) {
    let mut watcher = observer(ring, Start::Oldest);
    let mut kept = Notes::new();
    // At most a lap, an event, and the end.
    for _ in 0..tx.geometry().slots() + 2 {
        // Nobody writes now.
        look_unlapped(&mut watcher, &mut kept);
    }
    assert_eq!(watcher.next_seq(), tx.next_seq(), "the ring's end can't be read");
    for (seq, epoch) in notes {
        assert!(kept.get(seq).is_none_or(|found| found == epoch), "message {seq} changed after it was read");
    }
}
