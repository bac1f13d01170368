//! The fuzz targets' seed corpus, and whatever a fuzzer has found, run without a fuzzer: see `fuzz/`.

#![cfg(not(loom))]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::panic::catch_unwind;
use std::path::Path;

/// Runs a target over the committed inputs, of which there are at least `least`.
fn run(target: &str, least: usize, run: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&directory).expect("the committed corpus");
    let inputs: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    assert!(inputs.len() >= least, "{} inputs in {}", inputs.len(), directory.display());
    for input in inputs {
        let bytes = std::fs::read(&input).expect("a readable input");
        let outcome = catch_unwind(|| run(&bytes));
        assert!(outcome.is_ok(), "{} breaks a promise: see above", input.display());
    }
}

#[test]
fn any_bytes_as_a_ring_are_refused_or_a_ring_that_works() {
    run("attach", 38, targets::attach::run);
}

#[test]
fn handles_on_a_ring_that_is_scribbled_over_keep_to_their_bounds() {
    run("reader", 64, targets::reader::run);
}
