//! Instructions of operations on a ring, counted by valgrind's callgrind: the same in every run, whatever else the
//! machine does, and less those of the loop around them.
//!
//! # Safety
//! The rings' files lie in directories of this program's own.

#![allow(unsafe_code, reason = "to trust the peers on a ring in a file is to promise something")]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use ringway::{Config, Consumer, Outcome, Producer, Ring, Start, file};

/// Bytes of a message.
pub const SIZE: usize = 48;
/// Operations in the shorter of the two runs whose difference is taken, and in the longer one.
const RUNS: [u64; 2] = [10_000, 110_000];

/// What is counted, and what is taken off: the loop around it.
pub const OPERATIONS: [(&str, &str); 4] = [
    ("publish and receive", PAIR),
    ("claim, commit and receive", PAIR),
    (COPIED, PAIR),
    ("empty poll", SINGLE),
];
/// Where the peers aren't trusted, so that messages are copied out.
const COPIED: &str = "publish and receive a copy";
const PAIR: &str = "a loop with both handles and a message";
const SINGLE: &str = "a loop with a consumer";

/// Instructions of an operation, less those of the loop around it. This program is run with `arguments` and then the
/// operation's name, the path of a ring to be, and how often: it must call [`run`] then. Ahead of each run `beside` is
/// told that path.
///
/// # Errors
/// Why they can't be counted.
pub fn per_operation(
    (name, around): (&str, &str),
    arguments: &[&str],
    beside: &mut dyn FnMut(&Path),
) -> Result<f64, String> {
    let mut per = |name| {
        let [fewer, more] = RUNS.map(|times| count(name, times, arguments, beside));
        Ok::<f64, String>((more? - fewer?) as f64 / (RUNS[1] - RUNS[0]) as f64)
    };
    Ok(per(name)? - per(around)?)
}

/// Instructions that a whole process of so many operations takes.
fn count(name: &str, times: u64, arguments: &[&str], beside: &mut dyn FnMut(&Path)) -> Result<u64, String> {
    let directory = tempfile::tempdir_in("/dev/shm").map_err(|error| error.to_string())?;
    let ring = directory.path().join("ring");
    beside(&ring);
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().map_err(|error| error.to_string())?)
        .args(arguments)
        .arg(name)
        .arg(ring)
        .arg(times.to_string())
        .output()
        .map_err(|error| {
            format!("valgrind doesn't run ({error}): on Debian, install the package valgrind")
        })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind: {said}"));
    }
    let collected = said.lines().find_map(|line| line.split_once("Collected :")).ok_or("callgrind counts")?;
    collected.1.trim().parse().map_err(|_| format!("valgrind: {said}"))
}

/// The process that is counted. Its ring lies in a file, since valgrind knows no `mremap` that duplicates.
pub fn run(name: &str, path: &Path, times: u64) {
    let mut ring = file::create(path, &Config::new()).expect("a ring in a file");
    if name != COPIED {
        // SAFETY: nobody else knows of the file.
        ring = unsafe { ring.trust_peers() };
    }
    let mut consumer = ring.consumer(Start::Oldest).expect("its only consumer");
    let mut producer = ring.producer().expect("its only producer");
    // What passes through `black_box` is looked up anew each time, as between other work.
    let (p, c) = (&mut producer, &mut consumer);
    match name {
        "publish and receive" | COPIED => repeat(times, || {
            publish(black_box(&mut *p), black_box(&[7; SIZE]));
            black_box(receive(black_box(&mut *c)));
        }),
        "claim, commit and receive" => repeat(times, || {
            claim(black_box(&mut *p), black_box(&[7; SIZE]));
            black_box(receive(black_box(&mut *c)));
        }),
        "empty poll" => repeat(times, || empty(black_box(&mut *c))),
        PAIR => repeat(times, || {
            black_box(&mut *p);
            black_box(&[7; SIZE]);
            black_box(&mut *c);
            black_box(0_u64);
        }),
        SINGLE => repeat(times, || {
            black_box(&mut *c);
        }),
        other => panic!("no operation is called {other}"),
    }
}

/// A loop of its own for each operation: beside others in one function, each would be counted with what the compiler
/// keeps for them in registers.
#[inline(never)]
fn repeat(times: u64, mut operation: impl FnMut()) {
    for _ in 0..times {
        operation();
    }
}

#[inline(always)]
fn publish(producer: &mut Producer, message: &[u8; SIZE]) {
    producer.try_publish(message).expect("room");
}

#[inline(always)]
fn claim(producer: &mut Producer, message: &[u8; SIZE]) {
    let mut claim = producer.try_claim(SIZE).expect("room");
    claim.copy_from_slice(message);
    claim.commit().expect("this process claimed it");
}

#[inline(always)]
fn receive(consumer: &mut Consumer) -> u64 {
    match consumer.try_recv().expect("a sound ring") {
        // One word: reading the rest is the caller's business.
        Outcome::Message(message) => u64::from_ne_bytes(message[..8].try_into().expect("8 bytes")),
        other => panic!("expected a message, got {other:?}"),
    }
}

#[inline(always)]
fn empty(consumer: &mut Consumer) {
    match consumer.try_recv().expect("a sound ring") {
        Outcome::Empty => {}
        other => panic!("expected nothing, got {other:?}"),
    }
}
