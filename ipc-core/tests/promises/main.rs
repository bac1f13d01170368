//! A quick test for each promise of the protocol, on rings in heap memory: the first oracle of `cargo xtask mutants`,
//! which runs all of this for each of some hundred mutants. So it builds little, takes well under a second, and does
//! the same each time.
//!
//! Only what one thread can show is here, and which role sleeps where. Orderings and what is slept through are the loom
//! models', the second oracle.

#![cfg(not(loom))]

// The tests of the model know the library by the name that users do.
extern crate ringway_core as ringway;

mod common;
#[path = "../../../tests/model/operation.rs"]
mod operation;
#[path = "../../../tests/model/producing.rs"]
mod producing;
#[path = "../../../tests/model/reading.rs"]
mod reading;
#[path = "../../../tests/model/reference.rs"]
mod reference;
#[path = "../../../tests/model/ringside.rs"]
mod ringside;

mod all_or_none;
mod at_once;
mod batch_claims;
mod batches;
mod bells;
mod best_effort;
mod best_effort_damage;
mod cancelling;
mod claims;
mod coalescing;
mod cut_short;
mod damage;
mod deferring;
mod fetching_ahead;
mod fixed_length;
mod forks;
mod freezing;
mod full;
mod held;
mod held_unread;
mod held_voids;
mod lengths;
mod lives;
mod memory;
mod names;
mod observed_claims;
mod passing;
mod patience;
mod patience_in_time;
mod raw;
mod rejoining;
mod runs;
mod said;
mod skipping;
mod sleeping;
mod space;
mod stray;
mod voids;
mod wait_sets;
mod waitable;

use common::{Kind, TestRing, payload};
use proptest::test_runner::RngSeed;
use ringside::agrees;

/// Sequences of operations: as few as notice what more of them would.
const CASES: u32 = 16;

#[test]
fn a_ring_that_is_copied_out_of_does_what_the_model_does() {
    agrees(Kind::Copied, CASES, RngSeed::Fixed(1));
}

#[test]
fn a_ring_that_is_read_in_place_does_what_the_model_does() {
    agrees(Kind::InPlace, CASES, RngSeed::Fixed(2));
}
