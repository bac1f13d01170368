//! How many system calls come before the first message: docs/performance.md says what for.
//!
//! Counted in a process that hasn't used the library before, on a file system that knows `O_TMPFILE`. The bounds
//! leave room for one call that another file system takes: XFS is asked whether its files share blocks.

use std::path::Path;

use nix::sys::wait::WaitStatus;
use ringway::file;
use ringway::{Ring, Start};
use testkit::files::{small, vacant};
use testkit::tracing;
use testkit::tracing::{Call, Verdict};

/// A test's name, the most system calls that its step may take, and the step.
type Step = (&'static str, usize, fn(&Path));

const STEPS: &[Step] = &[
    ("creating_a_file_ring_takes_21_system_calls_at_most", 21, |path| {
        counted(|| file::create(path, &small()).unwrap());
    }),
    ("taking_the_producer_takes_20_system_calls_at_most", 20, |path| {
        let ring = file::create(path, &small()).unwrap();
        counted(|| ring.producer().unwrap());
    }),
    ("opening_a_file_ring_takes_13_system_calls_at_most", 13, |path| {
        let _made = file::create(path, &small()).unwrap();
        counted(|| file::open(path).unwrap());
    }),
    ("taking_a_consumer_takes_18_system_calls_at_most", 18, |path| {
        let ring = file::create(path, &small()).unwrap();
        counted(|| ring.consumer(Start::Oldest).unwrap());
    }),
];

fn counted<T>(step: impl FnOnce() -> T) {
    tracing::begin();
    let made = step();
    tracing::end();
    drop(made);
}

fn main() {
    let trial = |&(name, most, step): &Step| {
        let test: Box<dyn FnOnce() + Send> = Box::new(move || takes_at_most(most, step));
        (name.to_owned(), test)
    };
    tracing::run(STEPS.iter().map(trial).collect());
}

fn takes_at_most(most: usize, step: fn(&Path)) {
    let (_directory, path) = vacant();
    let mut made = Vec::new();
    let ended = tracing::traced(
        || step(&path),
        |call: &Call| {
            if call.is_entry && !is_foreign(call) {
                made.push(call.number);
            }
            Verdict::Go
        },
    );
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
    assert!(!made.is_empty() && made.len() <= most, "{} calls, by number: {made:?}", made.len());
}

/// Whether a call isn't the library's own: the allocator's, or the look at a descriptor that the standard library
/// takes before it closes one, in debug builds alone.
fn is_foreign(call: &Call) -> bool {
    let looks = call.number == libc::SYS_fcntl && call.arguments[1] == libc::F_GETFD as u64;
    looks || call.number == libc::SYS_brk
}
