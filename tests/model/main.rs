//! A ring and a simple model of it do the same operations, one after another, and agree on every answer.

mod operation;
mod producing;
mod reading;
mod reference;
mod ringside;

use proptest::test_runner::RngSeed;
use ringside::agrees;
use testkit::{Kind, TestRing, payload};

#[test]
fn an_anonymous_ring_does_what_the_model_does() {
    agrees(Kind::Anonymous, 128, RngSeed::Random);
}

#[test]
fn a_ring_in_a_file_does_what_the_model_does() {
    agrees(Kind::File, 128, RngSeed::Random);
}

#[test]
fn a_trusted_ring_in_a_file_does_what_the_model_does() {
    agrees(Kind::TrustedFile, 128, RngSeed::Random);
}
